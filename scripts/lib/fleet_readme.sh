# shellcheck shell=bash
# docker/README.md held against the fleet: its commands are given, and what it shows is what they say. Sourced after fleet_compose.sh.
#
#   ```sh play   commands that are run here, line by line
#   ```text      what is seen; … stands for anything. Compared when the fleet is the one that the README speaks of

GUIDE=$TREE/docker/README.md

# blocks KIND SECTION: what is in the blocks that begin with ```KIND.
blocks() {
  awk -v section="## $2" -v fence="\`\`\`$1" '
    /^```/ { open = !open; ours = open && inside && $0 == fence; next }
    /^## / && !open { inside = $0 == section }
    ours' "$GUIDE"
}

# play_guide SECTION: everything that is said goes to logs/readme.log.
play_guide() {
  local line played=0
  while IFS= read -r line <&4; do
    case "$line" in
      'docker compose run --rm operator '*) ;;
      *) failed "docker/README.md, $1: only commands of the operator are played, not '$line'" ;;
    esac
    played=$((played + 1))
    # With its quotation marks.
    eval "operator_says ${line#docker compose run --rm operator }" >>"$STATE/logs/readme.log" 2>&1 ||
      failed "docker/README.md, $1: '$line' fails: $(tail -n 3 "$STATE/logs/readme.log")"
  done 4< <(blocks 'sh play' "$1")
  [ "$played" -gt 0 ] || failed "docker/README.md has no commands under '$1'"
}

# is_as_shown SECTION LOG...: each line that the section shows was seen.
is_as_shown() {
  local section=$1 line pattern shown=0
  shift
  while IFS= read -r line <&4; do
    [ "$line" != … ] || continue
    shown=$((shown + 1))
    pattern=$(sed 's/[][\.*^$]/\\&/g; s/…/.*/g' <<<"$line")
    grep -q "^$pattern *\$" "$@" || failed "docker/README.md, $section, shows what was not seen: $line"
  done 4< <(blocks text "$section")
  [ "$shown" -gt 0 ] || failed "docker/README.md shows nothing under '$section'"
}

is_guides_fleet() { [ "$EDGES" -eq 12 ] && [ "$CHIPS" -eq 8 ] && ! with_profile chaos; }
log_of() { "$ENGINE" logs "$(the_one "$1")" >"$STATE/logs/seen-$1.log" 2>&1; }

# The author's own rule, from the check to the end of its rollout.
check_own_rule() {
  heading "The rule of docker/README.md, and what else it tells to try"
  play_guide 'Ten minutes'
  play_guide 'Your own rule'
  expect "the rollout mine" "$(rollout_field mine .state)" completed
  ok "every command for the operator works"
  if is_guides_fleet; then
    log_of operator
    log_of bad-release
    is_as_shown 'Ten minutes' "$STATE"/logs/seen-operator.log "$STATE"/logs/readme.log
    is_as_shown 'A bad release' "$STATE"/logs/seen-bad-release.log
    is_as_shown 'Your own rule' "$STATE"/logs/readme.log
    ok "and everything that it shows was seen"
  fi
  step_done
}
