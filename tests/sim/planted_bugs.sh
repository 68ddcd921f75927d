#!/usr/bin/env bash
# Shows that the checkers bite: plants each bug of tests/sim/planted/ in a copy of one source file, links it before the normal
# libraries, and lets the simulator look for it. The checker that the patch names has to find it, and the seed has to show
# it once more with the same trace. The tree stays as it is.
#
#   tests/sim/planted_bugs.sh BUILD_DIR          all of them; what it prints is the table of tests/sim/README.md
#   tests/sim/planted_bugs.sh BUILD_DIR --few    a few that one of the first worlds shows; of the others, whether they can still be planted
#   tests/sim/planted_bugs.sh BUILD_DIR NAME…    those whose patch has this name (01-one-device-more)
#
# Needs what `cmake --build BUILD_DIR --target muster-sim` made. Exit code: 0 when every bug was found, 1 when one was not, or
# when a patch no longer applies.
set -euo pipefail
. "$(dirname "$0")/../../scripts/lib/common.sh"

SEEDS=1500  # worlds in which a bug must show
FEW=(01-one-device-more 12-acts-before-recording 21-previous-slot-removed 24-commits-anything 27-advances-on-inconclusive)

field() { sed -n "s/^$2: //p" "$1" | head -n 1; }

# The compiler and its options for a source file, without input and output.
compile_command() {
  jq -r --arg file "$TREE/$1" '.[] | select(.file == $file) | .command' "$BUILD/compile_commands.json" | head -n 1 |
    sed -e 's/ -o [^ ]* -c [^ ]*$//' -e 's/ -MD\b//; s/ -MT [^ ]*//; s/ -MF [^ ]*//'
}

source_of() { sed -n 's|^--- a/||p' "$1" | head -n 1; }

# apply PATCH: the source file with the bug below $work.
apply() {
  local patch="$1" source
  source=$(source_of "$patch")
  mkdir -p "$work/$(dirname "$source")"
  cp "$TREE/$source" "$work/$source"
  patch --quiet --forward --fuzz=1 -p1 -d "$work" <"$patch" >"$work/patch.log" 2>&1 ||
    { say "$(basename "$patch"): no longer applies to $source; plant the same bug in what the code is now"; return 1; }
}

# plant PATCH: builds $work/muster-sim with the bug.
plant() {
  local source command
  source=$(source_of "$1")
  apply "$1" || return 1
  command=$(compile_command "$source")
  [ -n "$command" ] || die "$BUILD/compile_commands.json does not know $source: build there first"
  (cd "$BUILD" && eval "$command -Wno-error -o '$work/planted.o' -c '$work/$source'")
  c++ -o "$work/muster-sim" "$BUILD/tests/sim/CMakeFiles/muster-sim.dir/runner.cpp.o" "$work/planted.o" \
    "$BUILD/tests/sim/libmuster_sim.a" "$BUILD/rules/libmuster_engine.a" "$BUILD/edge-client/libmuster_edge_agent.a" \
    "$BUILD/rules/libmuster_verdict.a" "$BUILD/rules/libmuster_condition.a" "$BUILD/schemas/libmuster_wire.a" \
    "$BUILD/schemas/libmuster_schemas.a" -lxxhash
}

# find_bug PATCH: prints a line of the table; false when the bug is not found.
find_bug() {
  local patch="$1" name checker seed
  name=$(basename "$patch" .patch)
  checker=$(field "$patch" checker)
  work="$BUILD/tests/sim/planted/$name"
  rm -rf "$work"
  mkdir -p "$work"
  plant "$patch" || return 1
  if ! "$work/muster-sim" --from 1 --count "$SEEDS" --until "$checker" >"$work/found.log" 2>&1; then
    say "$name: the checker $checker does not find it in $SEEDS worlds; others did: $(sed -n 's/^seed \([0-9]*: [a-z_]*\).*/\1/p' "$work/found.log" | head -n 3 | tr '\n' ';')"
    return 1
  fi
  seed=$(sed -n "s/^seed \([0-9]*\): $checker: .*/\1/p" "$work/found.log" | tail -n 1)
  local run
  for run in once again; do
    ! "$work/muster-sim" --seed "$seed" >"$work/$run.log" 2>&1 ||
      { say "$name: seed $seed goes well when it is run once more"; return 1; }
  done
  if ! cmp -s "$work/once.log" "$work/again.log" || ! grep -q "^seed $seed: checker $checker: " "$work/once.log"; then
    say "$name: seed $seed does not fail the same way again: compare $work/once.log and again.log"
    return 1
  fi
  say "| \`$name\` | $(field "$patch" breaks) | \`$checker\` | $seed |"
}

main() {
  case "${1:-}" in
    -h | --help) print_header_comment "$0"; exit 0 ;;
    '') die "give the folder of the build, for example build/dev" 2 ;;
  esac
  BUILD=$(cd "$1" && pwd)
  shift
  [ -x "$BUILD/tests/muster-sim" ] || die "$BUILD has no tests/muster-sim: build that target first" 2
  local chosen=() name patch missed=0
  if [ "${1:-}" = --few ]; then
    work="$BUILD/tests/sim/planted/applied"
    rm -rf "$work"
    mkdir -p "$work"
    for patch in "$TREE"/tests/sim/planted/*.patch; do apply "$patch" || missed=$((missed + 1)); done
    [ $missed -eq 0 ] || die "$missed planted bugs cannot be planted any more"
    set -- "${FEW[@]}"
  fi
  for name in "$@"; do
    patch="$TREE/tests/sim/planted/$name.patch"
    [ -f "$patch" ] || die "there is no planted bug '$name': see tests/sim/planted" 2
    chosen+=("$patch")
  done
  [ $# -gt 0 ] || chosen=("$TREE"/tests/sim/planted/*.patch)
  say '| bug | what it breaks | found by | first in seed |'
  say '|---|---|---|---|'
  for patch in "${chosen[@]}"; do find_bug "$patch" || missed=$((missed + 1)); done
  [ $missed -eq 0 ] || die "$missed of ${#chosen[@]} planted bugs were not found"
}

main "$@"
