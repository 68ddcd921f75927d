# shellcheck shell=bash
# The storm of scripts/fleet --profile chaos. Sourced after fleet_checks.sh.

# Before the first device starts, so that enrolling takes place in it too.
begin_storm() {
  eventually 60 "the link runs" link_runs
  compose up -d --no-build --no-deps --no-recreate chaos
  eventually 30 "the link is in the storm" link_says "a storm with seed $SEED"
  eventually 30 "the storm's container is healthy" all_healthy chaos 1
  ok "a storm: links are cut, stalled and throttled, devices lose their power"
}
link_runs() { [ "$("$ENGINE" inspect --format '{{.State.Status}}' "$(the_one link)" 2>/dev/null)" = running ]; }
link_says() { "$ENGINE" logs "$(the_one link)" 2>&1 | grep -q "$1"; }

# Of the containers too some die, drawn from the same seed, while the rollout is under way.
begin_kills() {
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
}

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
  if [ "$EDGES" -ge 12 ]; then
    log_of link
    is_as_shown 'The storm' "$STATE/logs/seen-link.log"
  fi
  check_storm_replays
}

# What the seed did to a connection is what it would do again: the device and the number of its connection alone decide, not who came
# first.
check_storm_replays() {
  local fates fate device number again count=0
  fates=$("$ENGINE" logs "$(the_one link)" 2>&1 | grep '^link: device ' | shuf -n 20 --random-source=<(yes "$SEED"))
  while IFS= read -r fate; do
    device=${fate#link: device } number=${fate#*connection }
    again=$("$ENGINE" exec "$(the_one link)" muster-weather --forecast "$SEED" "${device%%,*}" "${number%%:*}")
    expect "what seed $SEED does to this connection, asked again" "$again" "$fate"
    count=$((count + 1))
  done <<<"$fates"
  ok "the seed alone decides: $count connections' faults are the same when they are drawn again"
}
