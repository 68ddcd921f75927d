# shellcheck shell=bash
# What scripts/fleet asks of the running fleet. Sourced after fleet_compose.sh. Each check ends the run when it does not hold.

# How long a thing may take, in a storm longer.
patience_s() { if with_profile chaos; then echo 600; else echo 240; fi; }

# --- bringing up ---

# An author's own folder of rules, in which nothing is that the story needs; operators have it at /rules.
lay_out_rules() {
  rm -rf "$STATE/rules"
  mkdir -p "$STATE/rules"
  cp "$TREE/docker/rules/mine.yaml" "$TREE/docker/rules/fleet.yaml" "$STATE/rules/"
  sed 's/^targets:.*/targets: device.class == "x86-box" \&\& device.region == "us"/; s/^rollout:.*/rollout: corner/' \
    "$TREE/docker/rules/mine.yaml" >"$STATE/rules/corner.yaml"
}

# Without the operators, who begin when everything else is seen to be well; with --no-deps nothing else is touched. A storm is there
# before the first device.
bring_up() {
  local services=(provision broker link) service
  lay_out_rules
  if with_profile monitoring; then services+=(exporter prometheus); fi
  for service in "${services[@]}"; do compose up -d --no-build --no-deps --no-recreate "$service"; done
  eventually 60 "the broker's container" has_broker
  if with_profile chaos; then begin_storm; fi
  raise edge "$EDGES"
  raise mcu "$MCUS"
  if [ "$BOARDS" -gt 0 ]; then raise board "$BOARDS"; fi
  ok "$((DEVICES + ${#services[@]})) containers are up"
}
# raise SERVICE COUNT: one container after the other. Podman 4.3's service was seen to stand still while compose made twenty with common
# volumes at once.
raise() {
  local count=$2
  if [ "$ENGINE" = podman ]; then count=1; fi
  for ((; count <= $2; ++count)); do compose up -d --no-build --no-deps --no-recreate --scale "$1=$count" "$1"; done
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
  eventually "$(patience_s)" "all devices are enrolled" devices_are "$DEVICES" '.connected and .reported and .state == "healthy"'
  containers_are_healthy
  expect "devices with the same identity" "$(names_held | sort | uniq -d)" ''
  expect "devices, their classes and regions" "$(who_is_what)" "$(who_should_be_what)"
  ok "all $DEVICES devices are enrolled, healthy and connected over TLS, each with a certificate of its own: $(who_is_what | spread)"
  step_done
}

# Each container's own health check passes.
containers_are_healthy() {
  local patience=60
  if with_profile chaos; then patience=$(patience_s); fi
  eventually "$patience" "every Linux device's container is healthy" all_healthy edge "$EDGES"
  eventually "$patience" "every microcontroller's container is healthy" all_healthy mcu "$MCUS"
  eventually "$patience" "every board's container is healthy" all_healthy board "$BOARDS"
  eventually 60 "the link is healthy" all_healthy link 1
  if with_profile monitoring; then
    eventually 60 "the exporter is healthy" all_healthy exporter 1
    eventually 60 "Prometheus is healthy" all_healthy prometheus 1
  fi
}

# "edge-001 rk3566 eu", a device a line: as the broker knows them, and as three classes and four regions have to be dealt out.
who_is_what() { ctl device list --json | jq -r '.devices[] | "\(.device) \(.facts.class) \(.facts.region)"' | sort; }
who_should_be_what() {
  local number class regions=(sa eu us ap)
  for ((number = 1; number <= EDGES; ++number)); do
    class=rk3566
    if [ $((number % 3)) -eq 0 ]; then class=x86-box; fi
    printf 'edge-%03d %s %s\n' "$number" "$class" "${regions[$((number % 4))]}"
  done
  for ((number = 1; number <= CHIPS; ++number)); do printf 'mcu-%03d cortex-m3 %s\n' "$number" "${regions[$((number % 4))]}"; done
}
spread() { awk '{ classes[$2]; regions[$3] } END { printf "%d classes in %d regions\n", length(classes), length(regions) }'; }

names_held() {
  local container
  for container in $(containers edge) $(containers mcu) $(containers board); do
    "$ENGINE" logs "$container" 2>&1 | sed -n 's/^muster: this container is the device //p' | tail -n 1
  done
}

# The fleet file that authors simulate with is the fleet that runs, and a rule of theirs reaches in the one whom it reaches in the other.
check_authors() {
  heading "A rule of one's own"
  expect "the fleet of rules/fleet.yaml, as far as it runs" "$(fleet_file)" "$(who_is_what | first_of_each)"
  local said
  said=$(operator_says simulate /rules/corner.yaml --fleet /rules/fleet.yaml --json | jq -r '.first_run | "\(.state), \(.targets)"') ||
    failed "simulate /rules/corner.yaml: $said"
  expect "the simulated rollout to the x86-box in us" "$said" "completed, 1"
  said=$(operator_says rollout check /rules/mine.yaml) || failed "rollout check /rules/mine.yaml: $said"
  case "$said" in *'/rules/mine.yaml is valid.'*) ;; *) failed "rollout check /rules/mine.yaml says: $said" ;; esac
  ok "rules/fleet.yaml is this fleet; check and simulate work with rules of a mounted folder"
  step_done
}
# Of a smaller fleet the first of each kind run, of a larger one more than the file has.
first_of_each() {
  awk -v edges="$((EDGES < 12 ? EDGES : 12))" -v chips="$((CHIPS < 8 ? CHIPS : 8))" \
    '{ split($1, name, "-"); if (name[2] + 0 <= (name[1] == "edge" ? edges : chips)) print }' | sort
}
fleet_file() {
  sed -n 's/^  - { class: \([^,]*\), *region: \([^,]*\), ids: \[\(.*\)\] }$/\1 \2 \3/p' "$TREE/docker/rules/fleet.yaml" | tr -d , |
    awk '{ for (i = 3; i <= NF; ++i) print $i, $1, $2 }' | first_of_each
}

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
    "completed, $CHIPS reached, $CHIPS done, 0 failed"
  expect "the waves of reader-deu-1" "$(rollout_field reader-deu-1 '[.waves[] | "\(.name) \(.devices)"] | join(", ")')" \
    "canary $(share 10), half $(($(share 50) - $(share 10))), all $((EDGES - $(share 50)))"
  devices_run "$EDGES" reader-deu@1
  devices_run "$CHIPS" motor@1
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

# --- the end ---

check_healthy_again() {
  heading "The end"
  eventually "$(patience_s)" "all devices are connected and healthy" devices_are "$DEVICES" '.connected and (.state == "healthy" or .state == "rolled_back")'
  containers_are_healthy
  healthy "$BROKER" || failed "the broker's health check fails"
  devices_run "$EDGES" reader-deu@1
  devices_run "$CHIPS" motor@1
  ok "all $DEVICES devices are connected and run what they should"
}

reckoning() {
  rollout_table reader-deu-1 motor-1 reader-2 mine
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
  eventually 60 "Prometheus sees all devices" reading_is muster_devices_connected "$DEVICES"
  eventually 60 "Prometheus sees the completed rollouts" reading_is muster_rollouts_completed 3
  eventually 60 "the recording rules are evaluated" reading_is muster:devices_away:ratio 0
  # What the bad release did to its canary is the release's own failure. A storm may be told of as well.
  eventually 60 "the alert about the bad release fires" fires MusterReleaseRegresses
  if ! with_profile chaos; then expect "alerts that fire" "$(firing)" MusterReleaseRegresses; fi
  ok "Prometheus sees $DEVICES devices and three completed rollouts; its rules are right, and what fires is: $(firing | paste -sd ' ')"
}
