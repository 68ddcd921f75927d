# shellcheck shell=bash
# Builds the test fleet's images and checks their sizes. Sourced by scripts/fleet. REQUIRES: ENGINE, SUITE, STATE, PROGRAMS.

IMAGES=(broker edge mcu operator link)
# The largest that each may be, in millions of bytes, as the engine counts; others have no limit.
declare -A SIZE_MAX_MB=([broker]=150 [edge]=120)

image_name() { printf 'localhost/muster-%s:%s' "$1" "$SUITE"; }

build_images() {
  base_image "$SUITE"
  local image options=(-f docker/Dockerfile --build-arg "SUITE=$SUITE" --build-arg "BASE=$BASE") started
  # Podman's own format has no health checks.
  if [ "$ENGINE" = podman ]; then options+=(--format docker); fi
  if [ -d "$PROGRAMS/out/packages" ]; then
    options+=(--build-context "programs=$PROGRAMS")  # laid out already
  elif [ -n "$PROGRAMS" ]; then
    "$TREE/docker/lay-out" "$PROGRAMS" "$STATE/programs/out" >"$STATE/logs/lay-out.log" 2>&1 ||
      { tail -n 5 "$STATE/logs/lay-out.log" >&2; die "the programs of $PROGRAMS could not be laid out"; }
    options+=(--build-context "programs=$STATE/programs")
  fi
  if with_profile monitoring; then IMAGES+=(monitoring); fi
  started=$(now_ms)
  for image in "${IMAGES[@]}"; do
    (cd "$TREE" && "$ENGINE" build "${options[@]}" --target "$image" -t "$(image_name "$image")" .) >"$STATE/logs/build-$image.log" 2>&1 ||
      { tail -n 20 "$STATE/logs/build-$image.log" >&2; failed "the image '$image' does not build"; }
  done
  ok "${#IMAGES[@]} images are built, in $(seconds $(($(now_ms) - started))) s"
}

check_sizes() {
  local image bytes limit
  for image in "${IMAGES[@]}"; do
    bytes=$("$ENGINE" image inspect --format '{{.Size}}' "$(image_name "$image")")
    limit=${SIZE_MAX_MB[$image]:-}
    note "$(printf '%-10s %4d MB%s' "$image" $((bytes / 1000000)) "${limit:+, at most $limit}")"
    [ -z "$limit" ] || [ "$bytes" -le $((limit * 1000000)) ] || failed "the image '$image' is larger than $limit MB"
    check_image "$image"
  done
}

# No compiler, and no root.
check_image() {
  local found
  found=$("$ENGINE" run --rm --no-healthcheck --network none --entrypoint /bin/sh "$(image_name "$1")" -c 'id -u; command -v cc gcc g++ clang cmake make || true')
  [ "$found" = 10001 ] || failed "the image '$1' runs as another user than 10001, or has a compiler: $found"
}
