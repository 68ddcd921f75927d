# shellcheck shell=bash
# Builds the test fleet's images and checks what they are. Sourced by scripts/fleet. REQUIRES: ENGINE, SUITE, STATE, PROGRAMS.

IMAGES=(broker edge mcu operator link)
# The largest that each may be, in millions of bytes, as the engine counts; others have no limit.
declare -A SIZE_MAX_MB=([broker]=150 [edge]=120)

image_name() { printf 'localhost/muster-%s:%s' "$1" "$SUITE"; }

build_images() {
  base_image "$SUITE"
  local image before options=(-f docker/Dockerfile --build-arg "SUITE=$SUITE" --build-arg "BASE=$BASE") started
  # Podman's own format has no health checks.
  if [ "$ENGINE" = podman ]; then options+=(--format docker); else ask_for_buildkit; fi
  if with_profile monitoring; then IMAGES+=(monitoring); fi
  if with_profile qemu; then IMAGES+=(mcu-qemu); fi
  if [ -n "$PROGRAMS" ]; then
    lay_out_programs
    options+=(--build-context "programs=$PROGRAMS" --build-context "firmware=$PROGRAMS")
  fi
  started=$(now_ms)
  for image in "${IMAGES[@]}"; do
    before=$(id_of "$(image_name "$image")")
    (cd "$TREE" && "$ENGINE" build "${options[@]}" --target "$image" -t "$(image_name "$image")" .) >"$STATE/logs/build-$image.log" 2>&1 ||
      { tail -n 20 "$STATE/logs/build-$image.log" >&2; failed "the image '$image' does not build"; }
    forget_replaced "$before"
  done
  ok "${#IMAGES[@]} images are built, in $(seconds $(($(now_ms) - started))) s"
}

# lay_out_programs: makes PROGRAMS, a build tree, a folder that is laid out.
lay_out_programs() {
  if [ ! -d "$PROGRAMS/out/packages" ]; then
    "$TREE/docker/lay-out" "$PROGRAMS" "$STATE/programs/out" >"$STATE/logs/lay-out.log" 2>&1 ||
      { tail -n 5 "$STATE/logs/lay-out.log" >&2; die "the programs of $PROGRAMS could not be laid out"; }
    PROGRAMS=$STATE/programs
  fi
  if with_profile qemu && [ ! -d "$PROGRAMS/out/mcu-qemu" ]; then
    die "the board's firmware is not built beside these programs: build the preset mcu, or leave --programs out" 2
  fi
}

# The Dockerfile keeps the compiler's cache in a mount, and --programs stands in for a stage: Docker does both with BuildKit alone.
ask_for_buildkit() {
  export DOCKER_BUILDKIT=1 COMPOSE_DOCKER_CLI_BUILD=1
  if docker buildx version >/dev/null 2>&1; then return; fi
  # Before Docker 23 the engine's own BuildKit does without buildx, but knows no --build-context.
  local version
  version=$(docker version --format '{{.Client.Version}}' 2>/dev/null || true)
  if [ -n "$version" ] && [ "${version%%.*}" -lt 23 ] && [ -z "$PROGRAMS" ]; then return; fi
  die "docker has no buildx here, which building these images needs: install docker-buildx-plugin (Docker's packages) or docker-buildx (Debian's)" 3
}

id_of() { "$ENGINE" image inspect --format '{{.Id}}' "$1" 2>/dev/null || true; }

# forget_replaced ID: an image of ours that has lost its name to a newer one goes, unless a container of another fleet still runs it.
forget_replaced() {
  [ -n "$1" ] || return 0
  local found
  found=$("$ENGINE" image inspect --format '{{index .Config.Labels "org.opencontainers.image.vendor"}} {{join .RepoTags " "}}' "$1" 2>/dev/null) || return 0
  if [ "$found" != 'Muster ' ] || [ -n "$("$ENGINE" ps -aq --filter "ancestor=$1")" ]; then return; fi
  "$ENGINE" rmi "$1" >>"$STATE/logs/images.log" 2>&1 || true
  expect "the image $1, which a newer one has replaced" "$(id_of "$1")" ''
}

check_images() {
  local image bytes limit
  for image in "${IMAGES[@]}"; do
    bytes=$("$ENGINE" image inspect --format '{{.Size}}' "$(image_name "$image")")
    limit=${SIZE_MAX_MB[$image]:-}
    note "$(printf '%-10s %4d MB%s' "$image" $((bytes / 1000000)) "${limit:+, at most $limit}")"
    [ -z "$limit" ] || [ "$bytes" -le $((limit * 1000000)) ] || failed "the image '$image' is larger than $limit MB"
    if [ "$SUITE" = bookworm ]; then check_stated_size "$image" $((bytes / 1000000)); fi
    check_image "$image"
  done
}

# What docker/README.md says of an image's size may be out by a tenth: Debian's packages change.
check_stated_size() {
  local stated
  stated=$(sed -n "s/^| \`$1\` |.*| \([0-9]*\) MB.* |\$/\1/p" "$TREE/docker/README.md")
  [ -n "$stated" ] || failed "docker/README.md states no size of the image '$1'"
  [ $((stated * 9)) -le $(($2 * 10)) ] && [ $(($2 * 9)) -le $((stated * 10)) ] ||
    failed "the image '$1' has $2 MB, and docker/README.md says $stated MB"
}

# No compiler, no root, and what an engine and its user are told about the image.
check_image() {
  local found
  found=$("$ENGINE" run --rm --no-healthcheck --network none --entrypoint /bin/sh "$(image_name "$1")" -c 'id -u; command -v cc gcc g++ clang cmake make || true')
  [ "$found" = 10001 ] || failed "the image '$1' runs as another user than 10001, or has a compiler: $found"
  found=$("$ENGINE" image inspect "$(image_name "$1")" | jq -r '.[0] | .Config.Labels as $labels |
    [.Config.User, .Config.StopSignal, ((.HealthCheck // .Healthcheck // .Config.Healthcheck).Test | join(" ")),
     ("vendor", "title", "version" | $labels["org.opencontainers.image." + .]),
     ("description", "documentation" | if $labels["org.opencontainers.image." + .] then . else "no " + . end)] | join(", ")')
  expect "what the image '$1' says of itself" "$found" \
    "10001:10001, SIGTERM, CMD /usr/lib/muster/health, Muster, muster-$1, $(version_of_tree), description, documentation"
}
version_of_tree() { sed -n 's/^project(.* VERSION \([0-9.]*\).*/\1/p' "$TREE/CMakeLists.txt"; }
