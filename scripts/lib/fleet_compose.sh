# shellcheck shell=bash
# How scripts/fleet speaks with compose, and with its engine. Sourced. REQUIRES: ENGINE, STATE; SUITE, SEED, PROFILES, EDGES, CHIPS, DEVICES.

PROJECT=${MUSTER_FLEET:-muster-fleet}  # another name: another fleet beside it
COMPOSE=()

# open_compose: sets COMPOSE. Without a Docker engine, podman's own service stands in for it while this script runs.
open_compose() {
  export COMPOSE_PROJECT_NAME=$PROJECT
  export COMPOSE_HTTP_TIMEOUT=300  # a busy machine starts its twentieth container late
  if [ "$ENGINE" = docker ]; then
    if docker compose version >/dev/null 2>&1; then COMPOSE=(docker compose); else COMPOSE=(docker-compose); fi
    return
  fi
  COMPOSE=(docker-compose)
  have docker-compose || die "docker-compose is missing: run scripts/bootstrap containers" 3
  local socket=$STATE/podman.sock tries
  # A socket's path may have 107 bytes, and nobody knows how deep this tree lies.
  SOCKETS=$(mktemp -d /tmp/muster-fleet.XXXXXX)
  socket=$SOCKETS/podman.sock
  podman system service --time=0 "unix://$socket" >"$STATE/podman.log" 2>&1 </dev/null 8>&- &
  PODMAN_SERVICE=$!
  disown "$PODMAN_SERVICE"
  for ((tries = 0; tries < 100; ++tries)); do
    [ -S "$socket" ] && break
    sleep 0.1
  done
  [ -S "$socket" ] || die "podman's service does not start: $(tail -n 1 "$STATE/podman.log")" 3
  export DOCKER_HOST=unix://$socket
  # With --keep it outlives this script.
  echo "$PODMAN_SERVICE $SOCKETS" >>"$STATE/services"
}

close_compose() {
  [ "$ENGINE" = podman ] || return 0
  local pid folder
  while read -r pid folder; do
    if tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -qF "unix://$folder/"; then kill "$pid" 2>/dev/null || true; fi
    case "$folder" in /tmp/muster-fleet.*) rm -rf "$folder" ;; esac
  done <"$STATE/services" 2>/dev/null
  rm -f "$STATE/services"
}

# Of microcontrollers provision makes half as many.
identities() { if [ "$EDGES" -gt $((2 * CHIPS)) ]; then echo "$EDGES"; else echo $((2 * CHIPS)); fi; }

# compose COMMAND...: in docker/, with what this run is made of.
compose() {
  local profile options=()
  for profile in "${PROFILES[@]}"; do options+=(--profile "$profile"); done
  (cd "$TREE/docker" && MUSTER_SUITE=$SUITE MUSTER_SEED=$SEED MUSTER_DEVICES=$DEVICES MUSTER_IDENTITIES=${IDENTITIES:-$(identities)} MUSTER_RULES=$STATE/rules \
    timeout --kill-after=5 400 "${COMPOSE[@]}" "${options[@]}" "$@" 8>&- >>"$STATE/logs/compose.out" 2>&1) || {
    tail -n 20 "$STATE/logs/compose.out" >&2
    failed "compose $1 did not succeed"
  }
}

# operator_says COMMAND...: what docker compose run --rm operator COMMAND prints.
operator_says() {
  (cd "$TREE/docker" && MUSTER_SUITE=$SUITE MUSTER_RULES=$STATE/rules "${COMPOSE[@]}" run --rm --no-deps -T operator "$@" 8>&- \
    2>>"$STATE/logs/compose.out" </dev/null)
}

# containers SERVICE: their ids, those that have ended too.
containers() { "$ENGINE" ps -aq --filter "label=com.docker.compose.project=$PROJECT" --filter "label=com.docker.compose.service=$1"; }
the_one() { containers "$1" | head -n 1; }

# Whatever there is of this project goes, also what compose has lost sight of.
take_down() {
  local things
  things=$("$ENGINE" ps -aq --filter "label=com.docker.compose.project=$PROJECT")
  # With the volumes that have no name.
  # shellcheck disable=SC2086  # one word each
  [ -z "$things" ] || "$ENGINE" rm -f -v $things >/dev/null 2>&1 || true
  things=$("$ENGINE" volume ls -q --filter "label=com.docker.compose.project=$PROJECT")
  # shellcheck disable=SC2086
  [ -z "$things" ] || "$ENGINE" volume rm -f $things >/dev/null 2>&1 || true
  things=$("$ENGINE" network ls -q --filter "label=com.docker.compose.project=$PROJECT")
  # shellcheck disable=SC2086
  [ -z "$things" ] || "$ENGINE" network rm -f $things >/dev/null 2>&1 || true
}

# What there is of this project, a kind and a name a line.
what_is_left() {
  "$ENGINE" ps -a --filter "label=com.docker.compose.project=$PROJECT" --format 'container {{.Names}}'
  "$ENGINE" volume ls --filter "label=com.docker.compose.project=$PROJECT" --format 'volume {{.Name}}'
  "$ENGINE" network ls --filter "label=com.docker.compose.project=$PROJECT" --format 'network {{.Name}}'
}

keep_logs() {
  local service container number
  for service in provision broker link edge mcu board operator bad-release chaos prometheus exporter; do
    number=0
    for container in $(containers "$service"); do
      number=$((number + 1))
      "$ENGINE" logs "$container" >"$STATE/logs/$service-$number.log" 2>&1 || true
    done
  done
}

# healthy CONTAINER: whether its health check passes; it prints why not. Podman runs no timers without systemd, so it is asked.
healthy() {
  if [ "$ENGINE" = docker ]; then
    [ "$(docker inspect --format '{{.State.Health.Status}}' "$1")" = healthy ]
  else
    podman healthcheck run "$1" >/dev/null 2>&1
  fi
}

# all_healthy SERVICE COUNT
all_healthy() {
  local container count=0
  for container in $(containers "$1"); do
    healthy "$container" || return 1
    count=$((count + 1))
  done
  [ "$count" -eq "$2" ]
}

# ctl COMMAND...: musterctl inside of the broker's container, with rights to look.
ctl() {
  "$ENGINE" exec -e MUSTER_HOST=localhost -e MUSTER_CA=/trust/ca.crt -e MUSTER_CERT=/trust/health.crt -e MUSTER_KEY=/trust/health.key \
    "$BROKER" musterctl "$@"
}
