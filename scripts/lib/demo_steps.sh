# shellcheck shell=bash
# The demo's story, step by step. Each step checks what it says. Sourced by scripts/demo after demo_world.sh.

# follow ROLLOUT STATE TIMEOUT: shows a rollout's progress until it is in this state; a halt on the way ends the demo. On a
# terminal musterctl draws its bars; elsewhere each change is a line.
follow() {
  local code=0 through=()
  if [ "$2" = halted ]; then through=(--through-halts); fi
  if [ -t 1 ]; then
    ctl rollout watch "$1" --until "$2" --timeout "$3" ${through[@]+"${through[@]}"} || code=$?
  else
    ctl rollout watch "$1" --until "$2" --timeout "$3" ${through[@]+"${through[@]}"} --json 2>"$STATE/watch.err" |
      jq --unbuffered -r "$PROGRESS_LINE" | narrate_output || code=${PIPESTATUS[0]}
  fi
  [ "$code" -eq 0 ] && return 0
  ctl rollout status "$1" >&2 || true
  failed "expected $1 to be $2 within $3; musterctl's exit code is $code"
}

PROGRESS_LINE=$(cat "$TREE/scripts/lib/progress.jq")

begin_rollout() {
  ctl_quiet rollout check "$TREE/examples/demo/rollouts/$1.yaml"
  ctl_quiet rollout start "$TREE/examples/demo/rollouts/$1.yaml" --reason "$2"
}

# The active release of every device, counted: "10 reader-deu@1".
active_releases() {
  ctl device list --json | jq -r '.devices[].planes.model.release // "none"' | sort | uniq -c | sed 's/^ *//' | paste -sd, -
}

# edits_with FOLDER REGION
edits_with() { measure "$1" "$2" | jq -r '"\(.edits) edits in \(.characters) characters"'; }

step_set_up() {
  heading "Setting up: keys, a broker over TLS, ten devices that read labels"
  make_keys
  ok "keys for root, release and control; certificates for the broker, an operator and ten devices"
  make_labels
  first_start_broker
  ok "$(mosquitto -h | head -n 1 | sed 's/^mosquitto/Mosquitto/') with the plugin, on 127.0.0.1:$PORT"
  start_devices
  ok "ten agents are connected, five in region us, five in region de; their readers wait for a model"
  prepare_release reader-deu-1 reader-deu@1 deu de
  ok "reader-deu@1 is built, signed and published: Debian's German model"
  note "why: on German labels the English model makes $(edits_with "$STATE/sources/eng" de), this one $(edits_with "$STATE/sources/reader-deu-1" de)"
  step_done
}

step_good_release() {
  heading "(a) A good release: reader-deu@1 through 10 % → 50 % → 100 %"
  begin_rollout reader-deu-1 "the German model"
  follow reader-deu-1 awaiting_approval 120s
  expect "devices reached before the approval" "$(rollout_field reader-deu-1 .reached)" 1
  ok "one device in ten has it; the rollout waits for a person"
  ctl_quiet rollout approve reader-deu-1 --reason "the canary reads well"
  follow reader-deu-1 completed 120s
  expect "what the devices run" "$(active_releases)" "10 reader-deu@1"
  eventually 60 "every reader reports what it reads with the new model" fleet_counts 10 '.health.metrics.edit_distance != null and .health.p50_ms != null'
  ok "all ten run reader-deu@1 and read with it: $(fleet_quality)"
  step_done
}

# Every device with its last health summary, as one JSON list.
fleet() {
  local device
  for device in "${DEVICES[@]}"; do ctl device show "$device" --json || return 1; done | jq -s .
}

# fleet_counts COUNT FILTER: whether so many devices are as the jq FILTER says; unlike devices_are it sees their health.
fleet_counts() { [ "$(fleet 2>/dev/null | jq "[.[] | select($2)] | length")" = "$1" ]; }

# What all devices reported last, in a sentence.
fleet_quality() {
  fleet | jq -r '[.[].health] |
    (map(.metrics.edit_distance.last) | add / length * 10 | round / 10) as $edits | (map(.p50_ms) | add / length | round) as $ms |
    "\($edits) edits per hundred characters, \($ms) ms a label, on average"'
}

step_bad_release() {
  heading "(b) A bad release: reader@2, whose model file was cut short before it was signed"
  prepare_release reader-2 reader@2 deu de 600000
  ok "reader@2 is signed and published: every digest and signature is right"
  begin_rollout reader-2 "a smaller model"
  follow reader-2 halted 120s
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
  follow reader-2 aborted 120s
  step_done
}

# Prints a device that is in the middle of a download, and the file; fails while there is none.
device_in_download() {
  local device file size
  for device in "${DEVICES[@]}"; do
    for file in "$STATE/devices/$device"/data/planes/model/partial/*; do
      size=$(wc -c 2>/dev/null <"$file") || continue
      if [ "$size" -gt 100000 ] && [ "$size" -lt 900000 ]; then
        echo "$device $file"
        return 0
      fi
    done
  done
  return 1
}

step_rough_weather() {
  heading "(c) reader-deu@3 in rough weather: broker and agent are killed in mid-wave"
  prepare_release reader-deu-3 reader-deu@3 deu de
  write_broker_config 400000
  signal_process broker/mosquitto HUP
  ok "reader-deu@3 is published; SIGHUP gives every device a slow link of 400 kB/s"
  begin_rollout reader-deu-3 "version 1 with its golden labels"
  follow reader-deu-3 awaiting_approval 120s
  ctl_quiet rollout approve reader-deu-3 --reason "the canary reads well"

  eventually 60 "a device in the middle of its download" device_in_download >"$STATE/victim"
  local device file held
  read -r device file <"$STATE/victim"
  signal_process "devices/$device/edge" KILL
  eventually 60 "the agent of $device is dead" gone "devices/$device/edge"
  held=$(wc -c <"$file") || failed "the download of $device was over before the agent was killed"
  ok "kill -9 to the agent of $device with $((held / 1024)) of $(($(wc -c <"$TESSDATA/deu.traineddata") / 1024)) KiB downloaded"
  signal_process broker/mosquitto KILL
  eventually 60 "the broker is dead" gone broker/mosquitto
  ok "kill -9 to the broker; $(find "$STATE"/devices/*/data/planes/model/partial -type f | wc -l) downloads hang in the air"
  start_broker
  eventually 60 "the broker answers again" broker_answers
  ok "the broker is back, with its state from the store"
  start_agent "$device"
  ok "the agent of $device is back, too"
  follow reader-deu-3 completed 120s
  expect "what the devices run" "$(active_releases)" "10 reader-deu@3"
  expect "devices done" "$(rollout_field reader-deu-3 '"\(.reached) reached, \(.done) done, \(.failed) failed"')" "10 reached, 10 done, 0 failed"
  check_once_each
  step_done
}

# Nothing repeated, nothing lost: every device took the assignment once and committed once, in spite of two deaths, and the
# audit record has each decision once.
check_once_each() {
  local device log
  for device in "${DEVICES[@]}"; do
    log=$(sed -n '/-> fetching: rollout reader-deu-3/,$p' "$STATE/devices/$device/edge.log")
    expect "attempts of $device at reader-deu-3" "$(grep -c -- '-> fetching: rollout reader-deu-3' <<<"$log")" 1
    expect "commits of $device" "$(grep -c -- 'soaking -> committed' <<<"$log")" 1
  done
  expect "devices that run what they were assigned last" \
    "$(fleet | jq '[.[] | select(.attempt.state == "committed" and .attempt.epoch == .assigned_epoch)] | length')" 10
  expect "decisions about reader-deu-3 in the audit record" "$(audit_words reader-deu-3)" \
    "1 rollout.completed,1 rollout.started,1 wave.approved,1 wave.awaiting_approval,3 wave.done,3 wave.opened"
  ok "every device took it once and committed once; the audit record has every decision once"
}

# The words of the audit record about SUBJECT, counted.
audit_words() {
  ctl audit show --after 0 --limit 1000000 --json |
    jq -r --arg subject "$1" '.entries[] | select(.subject == $subject) | .what' | sort | uniq -c | sed 's/^ *//' | paste -sd, -
}

step_revert() {
  heading "(d) Second thoughts: abort --revert"
  write_broker_config 0
  signal_process broker/mosquitto HUP
  ctl_quiet rollout abort reader-deu-3 --revert --reason "the old version was fine"
  follow reader-deu-3 aborted 120s
  expect "what the devices run" "$(active_releases)" "10 reader-deu@1"
  ok "all ten are back on reader-deu@1, from the slot they still had"
  step_done
}

step_safe_mode() {
  heading "(e) A directive: safe mode for region=de while one of its devices is off"
  local absent="de-$PER_REGION"
  stop_process "devices/$absent/edge"
  eventually 60 "$absent is off" devices_are 9 .connected
  ok "$absent is off"
  ctl_quiet directive safe-mode --group region=de --reason "odd labels in Germany"
  eventually 60 "four devices in safe mode" devices_are 4 '.connected and .state == "safe_mode"'
  eventually 60 "their readers run degraded" fleet_counts 4 "$RUNS_DEGRADED"
  ok "four devices of region de are in safe mode: their readers read one label in four, their agents stay up"
  expect "devices in safe mode outside of region de" "$(ctl device list --json | jq '[.devices[] | select(.state == "safe_mode" and .facts.region != "de")] | length')" 0
  start_agent "$absent"
  eventually 60 "five devices in safe mode" devices_are 5 '.connected and .state == "safe_mode"'
  ok "$absent came back and obeyed the retained directive"
  ctl_quiet directive resume --group region=de --reason "the labels were right"
  eventually 60 "all ten healthy" devices_are 10 '.connected and .state == "healthy"'
  eventually 60 "no reader runs degraded" fleet_counts 0 "$RUNS_DEGRADED"
  ok "a second directive ended it: all ten are healthy"
  step_done
}

RUNS_DEGRADED='.connected and .health.metrics.degraded.last == 1'

# verdict REGION: "fail, 4 of 4 exceeded, frozen", as far as the rollout of the English model has come.
verdict() {
  rollout_field reader-eng-4 '.guardrails[] | select(.segment == "region='"$1"'") |
    "\(.verdict), \(.exceeded) of \(.voted) exceeded\(if .frozen then ", frozen" else "" end)"'
}
verdict_is() { [ "$(verdict "$1" 2>/dev/null)" = "$2" ]; }

# The devices of one region of whose slots one holds the English model, now or as what it came back from.
held_english() {
  local device english
  english=$(manifest_of reader-eng@4)
  for device in "${DEVICES[@]}"; do
    if [ "${device%-*}" = "$1" ] && [ -e "$STATE/devices/$device/data/planes/model/slots/$english" ]; then echo "$device"; fi
  done
}

# The process ids of all readers; one that has ended ends the demo.
readers() {
  local device
  for device in "${DEVICES[@]}"; do pid_of "devices/$device/reader" || failed "the reader of $device has ended by itself"; done
}

step_one_region() {
  heading "(f) Good for one region: reader-eng@4, the English model, and a rule that watches each region for itself"
  prepare_release reader-eng-4 reader-eng@4 eng us
  ok "reader-eng@4 is signed and published; on English labels, all that was tried, it makes $(edits_with "$STATE/sources/reader-eng-4" us)"
  local before
  before=$(readers)
  begin_rollout reader-eng-4 "one model for all regions"
  follow reader-eng-4 awaiting_approval 120s
  eventually 60 "the canary has voted" verdict_is us "inconclusive, 0 of 1 exceeded"
  ok "the canary, $(held_english us), reads as well as before; one device is no verdict, and it is not in de: a person approves"
  ctl_quiet rollout approve reader-eng-4 --reason "the canary reads well"
  follow reader-eng-4 awaiting_approval 120s
  eventually 60 "the votes of eight devices" verdict_is de "fail, 4 of 4 exceeded, frozen"
  ok "no probe failed and no reader crashed, but all four of de read worse than before: the region is frozen"
  eventually 60 "the four of de are back" devices_are 4 '.planes.model.release == "reader-eng@4"'
  eventually 60 "the votes of us" verdict_is us "inconclusive, 0 of 4 exceeded"
  ok "they are back on reader-deu@1; the four of us read well, and a person lets the rollout go on there"
  ctl_quiet rollout approve reader-eng-4 --reason "us reads well, de is back"
  follow reader-eng-4 completed 120s
  ctl rollout status reader-eng-4 | sed -n '/^guardrail/,$s/^/             /p'
  expect "the verdict on us" "$(verdict us)" "pass, 0 of 5 exceeded"
  expect "what the devices run" "$(active_releases)" "5 reader-deu@1,5 reader-eng@4"
  expect "what the rollout did" "$(rollout_field reader-eng-4 '"\(.reached) reached, \(.done) done, \(.failed) failed, \(.reverted) back"')" \
    "9 reached, 5 done, 0 failed, 4 back"
  expect "devices of de that ever had the English model" "$(held_english de | wc -l)" 4
  expect "the readers' process ids" "$(readers)" "$before"
  eventually 60 "all ten healthy" devices_are 10 '.connected and .state == "healthy"'
  ok "us runs reader-eng@4, de reader-deu@1; the fifth device of de never saw the English model"
  step_done
}

step_reckoning() {
  heading "The reckoning"
  rollout_table reader-deu-1 reader-2 reader-deu-3 reader-eng-4
  local verdict
  verdict=$(ctl audit verify) || failed "audit verify: $verdict"
  ok "audit verify: ${verdict%%$'\n'*}"
}
