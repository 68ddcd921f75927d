# shellcheck shell=bash
# Configures and builds one CMake preset. Sourced after common.sh.

. "$TREE/scripts/lib/third_party.sh"

# build_preset NAME [TARGET...]: a tree that is up to date takes a second. A failure ends the script with the compiler's words
# above it. MUSTER_BUILD_QUIET=1 shows only those, not the progress.
build_preset() {
  local preset=$1 tree="$TREE/build/$1"
  shift
  case "$preset" in mcu | mcu-*) fetch_third_party ;; esac
  if [ ! -f "$tree/build.ninja" ]; then
    (cd "$TREE" && cmake --preset "$preset") || die "configuring the preset '$preset' failed: the lines above say why"
  fi
  local arguments=(--build "$tree" --parallel "$(job_count)")
  [ $# -eq 0 ] || arguments+=(--target "$@")
  [ "${MUSTER_BUILD_QUIET:-0}" = 0 ] || arguments+=(-- --quiet)
  cmake "${arguments[@]}" || die "building the preset '$preset' failed: the lines above say why"
}
