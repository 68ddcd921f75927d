#!/usr/bin/env bash
# run_target.sh PROGRAMS_FOLDER TARGET DICTIONARY: fuzzes one target, starting from its kept inputs, and says how many inputs
# it ran. DICTIONARY is a name in dictionaries/, or -. MUSTER_FUZZ_SECONDS is how long (60), MUSTER_SEED the fuzzer's seed.
# TARGET.executions beside the programs holds the last run's number, for totals over all targets.
# New inputs go to PROGRAMS_FOLDER/found/TARGET, never into the tree; a crash's input stays in PROGRAMS_FOLDER/crashes.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
programs=$1 target=$2 dictionary=$3
found="$programs/found/$target" crashes="$programs/crashes"
mkdir -p "$found" "$crashes"
arguments=(-max_total_time="${MUSTER_FUZZ_SECONDS:-60}" -seed="${MUSTER_SEED:-20261121}" -timeout=10 -rss_limit_mb=2048
  -max_len=8192 -print_final_stats=1 -verbosity=1 -artifact_prefix="$crashes/$target-")
[ "$dictionary" = - ] || arguments+=(-dict="$here/dictionaries/$dictionary.dict")

log="$programs/$target.log"
if ! "$programs/fuzz_$target" "${arguments[@]}" "$found" "$here/corpus/$target" >"$log" 2>&1; then
  tail -n 60 "$log"
  input=$(sed -n 's/^.*Test unit written to //p' "$log" | tail -n 1)
  echo "FAILED: $target"
  echo "  the input:     ${input:-none was written; see $log}"
  echo "  again:         $programs/fuzz_$target $input"
  echo "  keep it:       cp $input $here/corpus/$target/   (then fuzz_replay_test fails until it is mended)"
  exit 1
fi
executed=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
echo "${executed:-0}" >"$programs/$target.executions"
echo "fuzz $target: $executed executions in ${MUSTER_FUZZ_SECONDS:-60} s, no property broken"
[ "${executed:-0}" -gt 0 ] || { echo "FAILED: $target ran nothing"; exit 1; }
