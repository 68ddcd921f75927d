# shellcheck shell=sh
# What the scripted operator does, each command as a person would give it. Sourced by operator after common.sh. Everything may be cut
# off and begun again: what is done already is left as it is.

RELEASES=/usr/share/muster/releases
RULES=/usr/share/muster/rules  # the story's own: /rules is the author's, and may be another folder
RELEASE_KEY=/keys/installation/release.key

ready() {
  volume_is_ours /keys || return 1
  said=$(musterctl rollout list --json 2>&1 >/dev/null) && return 0
  trouble "the broker does not answer yet: ${said#musterctl: }"
  return 1
}

fail() {
  say "$*" >&2
  exit 1
}

# run COMMAND...: shows it as it is given, and ends the story when it fails. A connection that is lost is tried again.
run() {
  local tries=0 code=0
  printf '$ musterctl %s\n' "$*"
  while :; do
    code=0
    musterctl "$@" || code=$?
    case "$code" in
      0) return 0 ;;
      9 | 11) tries=$((tries + 1)) ;;
      *) fail "the story ends here: exit code $code" ;;
    esac
    [ "$tries" -lt 10 ] || fail "the broker cannot be reached"
    sleep 2
  done
}

field() { musterctl rollout status "$1" --json 2>/dev/null | jq -r "$2"; }
is_there() { musterctl rollout status "$1" --json >/dev/null 2>&1; }
in_audit() { musterctl audit show --limit 1000 --json 2>/dev/null | grep -q "$1"; }

# How many devices are connected and have reported.
present() { musterctl device list --json 2>/dev/null | jq '[.devices[] | select(.connected and .reported)] | length'; }

# The fleet is there when nobody new has come for ten seconds, and at least MUSTER_DEVICES are.
await_fleet() {
  local before=-1 now calm=0
  say "waiting for the fleet"
  while [ "$calm" -lt 5 ]; do
    now=$(present)
    now=${now:-0}
    if [ "$now" -ge "${MUSTER_DEVICES:-1}" ] && [ "$now" = "$before" ]; then calm=$((calm + 1)); else calm=0; fi
    if [ "$now" != "$before" ]; then say "$now devices are here"; fi
    before=$now
    sleep 2
  done
  say "all $now devices are connected and have reported"
}

# publish SOURCE NAME@VERSION
publish() {
  if [ ! -d "/work/$2" ]; then run release build "$RELEASES/$1/release.yaml" --out /work; fi
  # From another folder: a folder of that name would be shown instead of what the broker has.
  if ! (cd / && musterctl release show "$2" --json) >/dev/null 2>&1; then
    # Signed already when a run before this one was cut off: that is no trouble.
    printf '$ musterctl release sign /work/%s --key release.key\n' "$2"
    musterctl release sign "/work/$2" --key "$RELEASE_KEY" || [ $? -eq 4 ] || fail "the release could not be signed"
    run release publish "/work/$2" --root "$MUSTER_ROOT" --reason "for the tour"
  fi
}

begin() {
  run rollout check "$RULES/$1.yaml"
  is_there "$1" || run rollout start "$RULES/$1.yaml" --reason "$2"
}

# follow ROLLOUT: shows each change, approves what waits for approval, until the rollout ends or halts; sets $reached_state.
follow() {
  local last='' line='' status
  while :; do
    # Once for both, so that the line of the end is shown before the end.
    status=$(musterctl rollout status "$1" --json 2>/dev/null)
    line=$(printf '%s\n' "$status" | jq -r -f /usr/lib/muster/progress.jq)
    reached_state=$(printf '%s\n' "$status" | jq -r .state)
    if [ -n "$line" ] && [ "$line" != "$last" ]; then printf '  %s  %s\n' "$1" "$line"; fi
    last=${line:-$last}
    case "$reached_state" in
      awaiting_approval) run rollout approve "$1" --reason "the canaries are clean" ;;
      completed | halted | aborted) return 0 ;;
    esac
    sleep 1
  done
}

tour() {
  await_fleet
  publish reader-deu-1 reader-deu@1
  publish motor-1 motor@1
  begin reader-deu-1 "the German model"
  follow reader-deu-1
  [ "$reached_state" = completed ] || fail "reader-deu-1 is $reached_state"
  if [ "$(musterctl device list --json | jq '[.devices[] | select(.facts.class == "cortex-m3")] | length')" -gt 0 ]; then
    begin motor-1 "the motor's model"
    follow motor-1
    [ "$reached_state" = completed ] || fail "motor-1 is $reached_state"
  fi
  run rollout list
  say "the tour is over: every device runs what its rollout brought"
}

bad_release() {
  say "waiting for the tour's rollout to complete"
  until [ "$(field reader-deu-1 .state)" = completed ]; do sleep 2; done
  publish reader-2 reader@2
  begin reader-2 "a smaller model"
  follow reader-2
  [ "$reached_state" = halted ] || [ "$reached_state" = aborted ] || fail "reader-2 is $reached_state: it should have halted"
  run rollout status reader-2
  if [ "$reached_state" = halted ]; then run rollout abort reader-2 --keep --reason "the model file is damaged"; fi
  say "the bad release reached $(field reader-2 .reached) of $(field reader-2 .targets) devices and stopped at its canary"
}
