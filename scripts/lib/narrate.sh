# shellcheck shell=bash
# How scripts/demo and scripts/fleet speak: headings, lines with the time since the start, checks that end the run when they fail. Sourced.
# Colours only on a terminal, and not with NO_COLOR.

now_ms() { local now=${EPOCHREALTIME/[.,]/}; echo "${now%???}"; }
seconds() { printf '%d.%d' $(($1 / 1000)) $(($1 % 1000 / 100)); }  # milliseconds as "12.3"

NARRATION_START_MS=$(now_ms)
STEP_START_MS=$NARRATION_START_MS
PLAIN='' BOLD='' GREEN='' RED='' DIM=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ] && [ "${TERM:-dumb}" != dumb ]; then
  PLAIN=$'\e[0m' BOLD=$'\e[1m' GREEN=$'\e[32m' RED=$'\e[31m' DIM=$'\e[2m'
fi

elapsed() { seconds $(($(now_ms) - NARRATION_START_MS)); }

# line MARK TEXT
line() { printf '%s%7s s%s  %s %s\n' "$DIM" "$(elapsed)" "$PLAIN" "$1" "$2"; }
ok() { line "${GREEN}✓${PLAIN}" "$*"; }
note() { line ' ' "$*"; }

heading() {
  printf '\n%s%s%s\n' "$BOLD" "$*" "$PLAIN"
  STEP_START_MS=$(now_ms)
}
step_done() { line ' ' "${DIM}this step took $(seconds $(($(now_ms) - STEP_START_MS))) s${PLAIN}"; }

# Shows what a command prints, line by line, each with its time; a line that repeats the one before is left out.
narrate_output() {
  local text last=''
  while IFS= read -r text; do
    if [ "$text" != "$last" ]; then line ' ' "$text"; fi
    last=$text
  done
}

# expect DESCRIPTION FOUND WANTED: ends the demo when they differ. failed() is the demo's.
expect() { [ "$2" = "$3" ] || failed "$1: expected '$3', found '$2'"; }

# eventually SECONDS DESCRIPTION COMMAND...: waits until the command succeeds; ends the demo when it does not in time.
eventually() {
  local deadline=$(($(now_ms) + $1 * 1000)) description=$2
  shift 2
  until "$@"; do
    [ "$(now_ms)" -lt "$deadline" ] || failed "expected within the time given: $description"
    sleep 0.1
  done
}

# rollout_table ROLLOUT...: what became of each. REQUIRES: ctl, which is musterctl with rights to look.
rollout_table() {
  printf '\n  %-14s %-10s %16s %15s %15s %13s\n' rollout state 'devices reached' 'devices failed' 'rolled back' 'blast radius'
  local name
  for name in "$@"; do
    ctl rollout status "$name" --json |
      jq -r '[.rollout, .state, .reached, .failed,
        (if .rolled_back > 0 then "\(.rolled_back) by itself"
         elif .reverted > 0 then "\(.reverted) by \(if any(.guardrails[]?; .frozen) then "verdict" else "order" end)" else 0 end),
        (100 * .reached / .targets | floor)] | @tsv' |
      while IFS=$'\t' read -r rollout state reached failed rolled_back radius; do
        printf '  %-14s %-10s %16s %15s %15s %11s %%\n' "$rollout" "$state" "$reached" "$failed" "$rolled_back" "$radius"
      done
  done
  printf '\n'
}
