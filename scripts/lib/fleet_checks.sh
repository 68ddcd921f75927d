# shellcheck shell=bash
# What scripts/fleet asks of the running fleet. Sourced after fleet_compose.sh. Each check ends the run when it does not hold.

# How long a thing may take, in a storm longer.
patience_s() { if with_profile chaos; then echo 600; else echo 240; fi; }

# --- bringing up ---

# Without the operators, who begin when everything else is seen to be well; with --no-deps nothing else is touched.
bring_up() {
  local services=(provision broker link) others service
  if with_profile monitoring; then services+=(exporter prometheus); fi
  others=${#services[@]}
  if [ "$ENGINE" = docker ]; then
    compose up -d --no-build --scale "edge=$EDGES" --scale "mcu=$MCUS" "${services[@]}" edge mcu
  else
    for service in "${services[@]}"; do compose up -d --no-build --no-deps --no-recreate "$service"; done
    raise edge "$EDGES"
    raise mcu "$MCUS"
  fi
  eventually 60 "the broker's container" has_broker
  ok "$((EDGES + MCUS + others)) containers are up"
}
# raise SERVICE COUNT: one container after the other. Podman 4.3's service was seen to stand still while compose made twenty with common
# volumes at once.
raise() {
  local count
  for ((count = 1; count <= $2; ++count)); do compose up -d --no-build --no-deps --no-recreate --scale "$1=$count" "$1"; done
}
has_broker() {
  BROKER=$(the_one broker)
  [ -n "$BROKER" ]
}

devices_are() { # devices_are COUNT FILTER
  local found
  found=$(ctl device list --json 2>/dev/null | jq "[.devices[] | select($2)] | length") || return 1
  [ "$found" = "$1" ]
}
rollout_field() { ctl rollout status "$1" --json | jq -r "$2"; }

check_enrolled() {
  eventually 120 "the broker is healthy" healthy "$BROKER"
  eventually 120 "all devices are enrolled" devices_are $((EDGES + MCUS)) '.connected and .reported and .state == "healthy"'
  eventually 60 "every Linux device's container is healthy" all_healthy edge "$EDGES"
  eventually 60 "every microcontroller's container is healthy" all_healthy mcu "$MCUS"
  local spread
  spread=$(ctl device list --json | jq -r '[.devices[].facts | "\(.class) \(.region)"] | "\(map(split(" ")[0]) | unique | length) classes in \(map(split(" ")[1]) | unique | length) regions"')
  ok "all $((EDGES + MCUS)) devices are enrolled, healthy and connected over TLS, each with a certificate of its own: $spread"
  expect "devices with the same identity" "$(names_held | sort | uniq -d)" ''
  step_done
}
names_held() {
  local container
  for container in $(containers edge) $(containers mcu); do
    "$ENGINE" logs "$container" 2>&1 | sed -n 's/^muster: this container is the device //p' | tail -n 1
  done
}

# What README.md tells authors of rules to try, on the files of the mounted folder.
check_authors() {
  heading "A rule of one's own"
  local said
  said=$(operator_says rollout check /rules/mine.yaml) || failed "rollout check /rules/mine.yaml: $said"
  case "$said" in *'/rules/mine.yaml is valid.'*) ;; *) failed "rollout check /rules/mine.yaml says: $said" ;; esac
  said=$(operator_says simulate /rules/mine.yaml --fleet /rules/fleet.yaml --json | jq -r .first_run.state) || failed "simulate /rules/mine.yaml: $said"
  expect "the end of the simulated rollout" "$said" completed
  said=$(operator_says device list --json | jq '.devices | length') || failed "device list: $said"
  expect "devices in the list" "$said" $((EDGES + MCUS))
  ok "rollout check and simulate of the mounted rules work, and device list"
  step_done
}
# operator_says COMMAND...: what docker compose run --rm operator COMMAND prints.
operator_says() { (cd "$TREE/docker" && MUSTER_SUITE=$SUITE "${COMPOSE[@]}" run --rm --no-deps -T operator "$@" 8>&- 2>>"$STATE/logs/compose.out" </dev/null); }

# --- rollouts ---

# play SERVICE: starts an operator and shows what it says until it has ended.
play() {
  local container code tries=0
  compose up -d --no-build --no-deps --no-recreate "$1"
  container=$(the_one "$1")
  [ -n "$container" ] || failed "the service $1 has no container"
  "$ENGINE" logs -f "$container" 2>&1 | sed -u -n 's/^\(\$ .*\)$/\1/p; s/^  \([a-z].*\)$/  \1/p; s/^muster: //p' | narrate_output &
  FOLLOWER=$!
  until [ "$("$ENGINE" inspect --format '{{.State.Status}}' "$container")" = exited ]; do
    tries=$((tries + 1))
    [ "$tries" -lt "$(patience_s)" ] || failed "the service $1 does not come to its end within $(patience_s) s"
    sleep 1
  done
  wait "$FOLLOWER" 2>/dev/null || true
  FOLLOWER=''
  code=$("$ENGINE" inspect --format '{{.State.ExitCode}}' "$container")
  [ "$code" -eq 0 ] || failed "the service $1 ended with exit code $code"
}

share() { echo $(((EDGES * $1 + 99) / 100)); } # share PERCENT: of the Linux devices, rounded up

check_good_rollout() {
  heading "A good release: reader-deu@1 to the Linux devices, motor@1 to the microcontrollers"
  play operator
  expect "the rollout reader-deu-1" "$(rollout_field reader-deu-1 '"\(.state), \(.reached) reached, \(.done) done, \(.failed) failed"')" \
    "completed, $EDGES reached, $EDGES done, 0 failed"
  expect "the rollout motor-1" "$(rollout_field motor-1 '"\(.state), \(.reached) reached, \(.done) done, \(.failed) failed"')" \
    "completed, $MCUS reached, $MCUS done, 0 failed"
  expect "the waves of reader-deu-1" "$(rollout_field reader-deu-1 '[.waves[] | "\(.name) \(.devices)"] | join(", ")')" \
    "canary $(share 10), half $(($(share 50) - $(share 10))), all $((EDGES - $(share 50)))"
  devices_run "$EDGES" reader-deu@1
  devices_run "$MCUS" motor@1
  ok "both completed, wave by wave: $(rollout_field reader-deu-1 '[.waves[] | "\(.name) \(.devices)"] | join(", ")')"
  step_done
}
devices_run() { # devices_run COUNT RELEASE
  devices_are "$1" ".planes.model.release == \"$2\"" || failed "expected $1 devices on $2, found: $(active_releases)"
}
active_releases() { ctl device list --json | jq -r '.devices[].planes.model.release // "none"' | sort | uniq -c | sed 's/^ *//' | paste -sd, -; }

check_bad_rollout() {
  heading "A bad release: reader@2, whose model file was cut short before it was signed"
  play bad-release
  local reached canary slots
  reached=$(rollout_field reader-2 .reached)
  canary=$(share 10)
  if [ "$reached" -lt 1 ] || [ "$reached" -gt "$canary" ]; then failed "reader-2 reached $reached devices; its canary are $canary"; fi
  expect "the canary's error" "$(rollout_field reader-2 '.failures[0].error')" probe_failed
  slots=$("$ENGINE" exec "$(the_one edge)" sh -c "ls -d /devices/edge/*/data/planes/model/slots/$(ctl release show reader@2 --json | jq -r .manifest) 2>/dev/null | wc -l")
  [ "$slots" -le "$canary" ] || failed "$slots devices hold reader@2; its canary are $canary"
  eventually 60 "the canary is back on reader-deu@1" devices_are "$EDGES" '.planes.model.release == "reader-deu@1"'
  ok "it halted at its canary: $reached of $EDGES devices tried it, their probe failed, and they put themselves back to reader-deu@1"
  step_done
}

# --- the storm ---

begin_storm() {
  heading "A storm"
  compose up -d --no-build --no-deps --no-recreate chaos
  eventually 30 "the link is in the storm" link_says "a storm with seed $SEED"
  # Of the containers too some die, drawn from the same seed, while the rollout is under way.
  (
    RANDOM=$SEED
    sleep 8
    for _ in 1 2 3; do
      all=($(containers edge) $(containers mcu))
      victim=${all[$((RANDOM % ${#all[@]}))]}
      "$ENGINE" kill -s KILL "$victim"
      sleep 3
      "$ENGINE" start "$victim"
      sleep 5
    done
  ) >"$STATE/logs/kills.log" 2>&1 &
  KILLER=$!
  ok "links are cut, stalled and throttled, devices lose their power, and three containers are going to be killed"
  step_done
}
link_says() { "$ENGINE" logs "$(the_one link)" 2>&1 | grep -q "$1"; }

check_storm_is_weathered() {
  heading "After the storm"
  wait "$KILLER" || failed "killing containers: $(tail -n 2 "$STATE/logs/kills.log")"
  "$ENGINE" stop -t 3 "$(the_one chaos)" >/dev/null
  eventually 30 "the storm is over" link_says 'the storm is over'
  local faults cuts=0 container
  faults=$("$ENGINE" logs "$(the_one link)" 2>&1 | sed -n 's/^link: the storm is over: //p' | tail -n 1)
  for container in $(containers edge) $(containers mcu); do
    cuts=$((cuts + $("$ENGINE" logs "$container" 2>&1 | grep -c 'the storm cuts the power' || true)))
  done
  case "$faults" in *cut*) ;; *) failed "the storm did nothing to the links: $faults" ;; esac
  [ "$cuts" -gt 0 ] || failed "the storm cut nobody's power"
  ok "it did: $faults; $cuts devices lost their power, three containers were killed and started again"
}

check_healthy_again() {
  heading "The end"
  eventually "$(patience_s)" "all devices are connected and healthy" devices_are $((EDGES + MCUS)) '.connected and (.state == "healthy" or .state == "rolled_back")'
  eventually 90 "every Linux device's container is healthy" all_healthy edge "$EDGES"
  eventually 90 "every microcontroller's container is healthy" all_healthy mcu "$MCUS"
  healthy "$BROKER" || failed "the broker's health check fails"
  devices_run "$EDGES" reader-deu@1
  devices_run "$MCUS" motor@1
  ok "all $((EDGES + MCUS)) devices are connected and run what they should"
}

reckoning() {
  rollout_table reader-deu-1 motor-1 reader-2
  local verdict
  verdict=$(audit_verify) || failed "audit verify: $verdict"
  ok "audit verify: ${verdict%%$'\n'*}"
}

# With the root of trust, which the operator's volume has.
audit_verify() {
  "$ENGINE" run --rm --no-healthcheck --network "$(network)" -v "${PROJECT}_keys:/keys:ro" --read-only --tmpfs /tmp "$(image_name operator)" audit verify
}
network() { "$ENGINE" network ls -q --filter "label=com.docker.compose.project=$PROJECT" | head -n 1; }

# --- monitoring ---

reading() { "$ENGINE" exec "$(the_one prometheus)" promtool query instant http://localhost:9090 "$1" 2>/dev/null | sed -n 's/.* => \([^ ]*\) @.*/\1/p'; }
reading_is() { [ "$(reading "$1")" = "$2" ]; }
firing() { "$ENGINE" exec "$(the_one prometheus)" promtool query instant http://localhost:9090 'ALERTS{alertstate="firing"}' 2>/dev/null | sed -n 's/.*alertname="\([^"]*\)".*/\1/p' | sort -u; }
fires() { firing | grep -qx "$1"; }

check_monitoring() {
  heading "Monitoring"
  local prometheus said
  prometheus=$(the_one prometheus)
  said=$("$ENGINE" exec "$prometheus" promtool check rules /etc/muster-monitoring/rules.yaml 2>&1) || failed "promtool check rules: $said"
  said=$("$ENGINE" exec --workdir /etc/muster-monitoring "$prometheus" promtool test rules rules.test.yaml 2>&1) || failed "promtool test rules: $said"
  eventually 60 "Prometheus sees all devices" reading_is muster_devices_connected $((EDGES + MCUS))
  eventually 60 "Prometheus sees both rollouts" reading_is muster_rollouts_completed 2
  eventually 60 "the recording rules are evaluated" reading_is muster:devices_away:ratio 0
  # What the bad release did to its canary is the release's own failure. A storm may be told of as well.
  eventually 60 "the alert about the bad release fires" fires MusterReleaseRegresses
  if ! with_profile chaos; then expect "alerts that fire" "$(firing)" MusterReleaseRegresses; fi
  ok "Prometheus sees $((EDGES + MCUS)) devices and two completed rollouts; its rules are right, and what fires is: $(firing | paste -sd ' ')"
}
