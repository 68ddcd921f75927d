# shellcheck shell=bash
# The demo's story, step by step. Each step checks what it says. Sourced by scripts/demo after demo_world.sh.

# follow ROLLOUT STATE[,STATE] TIMEOUT: shows a rollout's progress until it is in one of these states.
follow() {
  local code=0
  if [ -t 1 ]; then
    ctl rollout watch "$1" --until "$2" --timeout "$3" --through-halts || code=$?
  else
    ctl rollout watch "$1" --until "$2" --timeout "$3" --through-halts 2>&1 | narrate_output || true
    code=${PIPESTATUS[0]}
  fi
  [ "$code" -eq 0 ] || failed "expected $1 to be $2 within $3; musterctl's exit code is $code"
}

begin_rollout() {
  ctl_quiet rollout check "$TREE/examples/demo/rollouts/$1.yaml"
  ctl_quiet rollout start "$TREE/examples/demo/rollouts/$1.yaml" --reason "$2"
}

# The active release of every device, counted: "10 reader-deu@1".
active_releases() {
  ctl device list --json | jq -r '.devices[].planes.model.release // "none"' | sort | uniq -c | sed 's/^ *//' | paste -sd, -
}

edits_with() { measure "$1" | jq -r '"\(.edits) edits in \(.characters) characters"'; }

step_set_up() {
  heading "Setting up: keys, a broker over TLS, ten devices that read labels"
  make_keys
  ok "keys for root, release and control; certificates for the broker, an operator and ten devices"
  make_labels
  first_start_broker
  ok "$(mosquitto -h | head -n 1 | sed 's/^mosquitto/Mosquitto/') with the plugin, on 127.0.0.1:$PORT"
  start_devices
  ok "ten agents are connected, five in region us, five in region de; their readers wait for a model"
  prepare_release reader-deu-1 reader-deu@1
  ok "reader-deu@1 is built, signed and published: Debian's German model"
  note "why: on German labels the English model makes $(edits_with "$STATE/sources/eng"), this one $(edits_with "$STATE/sources/reader-deu-1")"
  step_done
}

step_good_release() {
  heading "(a) A good release: reader-deu@1 through 10 % → 50 % → 100 %"
  begin_rollout reader-deu-1 "the German model"
  follow reader-deu-1 awaiting_approval 40s
  expect "devices reached before the approval" "$(rollout_field reader-deu-1 .reached)" 1
  ok "one device in ten has it; the rollout waits for a person"
  ctl_quiet rollout approve reader-deu-1 --reason "the canary reads well"
  follow reader-deu-1 completed 60s
  expect "what the devices run" "$(active_releases)" "10 reader-deu@1"
  eventually 15 "every reader reports readings with the new model" devices_measure 10
  ok "all ten run reader-deu@1 and read with it: $(fleet_quality)"
  step_done
}

# devices_measure COUNT: whether so many devices report how well they read.
devices_measure() {
  local device found=0
  for device in "${DEVICES[@]}"; do
    if [ "$(health_of "$device" edit_distance)" != none ]; then found=$((found + 1)); fi
  done
  [ "$found" -eq "$1" ]
}

# health_of DEVICE KEY: a standard key's reading, or the last value of a metric of the task.
health_of() { ctl device show "$1" --json | jq -r --arg key "$2" '.health | (.[$key]? // .metrics[$key].last? // "none")'; }

# What all devices reported last, in a sentence.
fleet_quality() {
  local device all=''
  for device in "${DEVICES[@]}"; do all="$all $(health_of "$device" edit_distance) $(health_of "$device" p95_ms)"; done
  # shellcheck disable=SC2086  # one argument a number
  printf '%s\n' $all | paste -d' ' - - | LC_ALL=C awk '{ e += $1; if ($2 > p) p = $2; n++ }
    END { printf "%.1f edits per hundred characters on average, the slowest p95 is %.0f ms", e / n, p }'
}

step_bad_release() {
  heading "(b) A bad release: reader@2, whose model file was cut short before it was signed"
  prepare_release reader-2 reader@2 600000
  ok "reader@2 is signed and published: every digest and signature is right"
  begin_rollout reader-2 "a smaller model"
  follow reader-2 halted 40s
  local canary bad
  canary=$(rollout_field reader-2 '.failures[0].device')
  bad=$(manifest_of reader@2)
  expect "the canary's error" "$(rollout_field reader-2 '.failures[0].error')" probe_failed
  ok "the probe failed on $canary: $(rollout_field reader-2 '.failures[0].detail')"
  expect "devices reached" "$(rollout_field reader-2 .reached)" 1
  expect "devices rolled back" "$(rollout_field reader-2 .rolled_back)" 1
  expect "what the devices run" "$(active_releases)" "10 reader-deu@1"
  ok "$canary put itself back to reader-deu@1; the rollout is halted"
  local device
  for device in "${DEVICES[@]}"; do
    if [ "$device" != "$canary" ] && [ -e "$STATE/devices/$device/data/planes/model/slots/$bad" ]; then
      failed "expected reader@2 on $canary only, found it on $device"
    fi
  done
  ok "nine devices never saw it"
  ctl_quiet rollout abort reader-2 --keep --reason "the model file is damaged"
  follow reader-2 aborted 20s
  step_done
}

# Prints a device of the open wave that is in the middle of a download; fails while there is none.
device_in_download() {
  local device file
  for device in "${DEVICES[@]}"; do
    for file in "$STATE/devices/$device"/data/planes/model/partial/*; do
      if [ -f "$file" ] && [ "$(wc -c <"$file")" -gt 200000 ] && [ "$(wc -c <"$file")" -lt 1400000 ]; then
        echo "$device $file"
        return 0
      fi
    done
  done
  return 1
}

step_rough_weather() {
  heading "(c) reader-deu@3 in rough weather: broker and agent are killed in mid-wave"
  prepare_release reader-deu-3 reader-deu@3
  write_broker_config 500000
  signal_process broker/mosquitto HUP
  ok "reader-deu@3 is published; SIGHUP gives every device a slow link of 500 kB/s"
  begin_rollout reader-deu-3 "version 1 with its golden labels"
  follow reader-deu-3 awaiting_approval 40s
  ctl_quiet rollout approve reader-deu-3 --reason "the canary reads well"

  eventually 30 "a device in the middle of its download" device_in_download >"$STATE/victim"
  local device file held
  read -r device file <"$STATE/victim"
  signal_process "devices/$device/edge" KILL
  eventually 5 "the agent of $device is dead" gone "devices/$device/edge"
  held=$(wc -c <"$file")
  ok "kill -9 to the agent of $device with $((held / 1024)) of 1490 KiB downloaded"
  signal_process broker/mosquitto KILL
  eventually 5 "the broker is dead" gone broker/mosquitto
  ok "kill -9 to the broker; $(find "$STATE"/devices/*/data/planes/model/partial -type f | wc -l) downloads hang in the air"
  start_broker
  eventually 15 "the broker answers again" broker_answers
  ok "the broker is back, with its state from the store"
  start_agent "$device"
  ok "the agent of $device is back, too"
  follow reader-deu-3 completed 90s
  expect "what the devices run" "$(active_releases)" "10 reader-deu@3"
  expect "devices done" "$(rollout_field reader-deu-3 '"\(.reached) reached, \(.done) done, \(.failed) failed"')" "10 reached, 10 done, 0 failed"
  check_once_each
  step_done
}

step_revert() {
  heading "(d) Second thoughts: abort --revert"
  write_broker_config 0
  signal_process broker/mosquitto HUP
  ctl_quiet rollout abort reader-deu-3 --revert --reason "the old version was fine"
  follow reader-deu-3 aborted 60s
  expect "what the devices run" "$(active_releases)" "10 reader-deu@1"
  ok "all ten are back on reader-deu@1, from the slot they still had"
  step_done
}

step_safe_mode() {
  heading "(e) A directive: safe mode for region=de while one of its devices is off"
  local absent="de-$PER_REGION"
  stop_process "devices/$absent/edge"
  eventually 10 "$absent is off" devices_are 9 .connected
  ok "$absent is off"
  ctl_quiet directive safe-mode --group region=de --reason "odd labels in Germany"
  eventually 20 "four devices in safe mode" devices_are 4 '.connected and .state == "safe_mode"'
  eventually 15 "their readers run degraded" readers_degraded 4
  ok "four devices of region de are in safe mode: their readers read one label in four, their agents stay up"
  expect "devices in safe mode outside of region de" "$(ctl device list --json | jq '[.devices[] | select(.state == "safe_mode" and .facts.region != "de")] | length')" 0
  start_agent "$absent"
  eventually 20 "five devices in safe mode" devices_are 5 '.connected and .state == "safe_mode"'
  ok "$absent came back and obeyed the retained directive"
  ctl_quiet directive resume --group region=de --reason "the labels were right"
  eventually 20 "all ten healthy" devices_are 10 '.connected and .state == "healthy"'
  eventually 15 "no reader runs degraded" readers_degraded 0
  ok "a second directive ended it: all ten are healthy"
  step_done
}

# readers_degraded COUNT: whether so many connected devices' readers report degraded mode.
readers_degraded() {
  local device found=0
  for device in "${DEVICES[@]}"; do
    runs "devices/$device/edge" || continue
    if [ "$(health_of "$device" degraded)" = 1 ]; then found=$((found + 1)); fi
  done
  [ "$found" -eq "$1" ]
}

step_reckoning() {
  heading "The reckoning"
  printf '\n  %-14s %-10s %16s %15s %12s %13s\n' rollout state 'devices reached' 'devices failed' 'rolled back' 'blast radius'
  local name
  for name in reader-deu-1 reader-2 reader-deu-3; do
    ctl rollout status "$name" --json |
      jq -r '[.rollout, .state, .reached, .failed, .rolled_back, (100 * .reached / .targets | floor)] | @tsv' |
      while IFS=$'\t' read -r rollout state reached failed rolled_back radius; do
        printf '  %-14s %-10s %16s %15s %12s %11s %%\n' "$rollout" "$state" "$reached" "$failed" "$rolled_back" "$radius"
      done
  done
  printf '\n'
  local verdict
  verdict=$(ctl audit verify) || failed "audit verify: $verdict"
  ok "$verdict"
}
