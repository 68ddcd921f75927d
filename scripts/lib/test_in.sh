# shellcheck shell=bash
# scripts/test --in SUITE: the same tests in a container that begins as a bare Debian root, so that nothing of this machine is
# needed unseen. Sourced after common.sh and containers.sh.
#
#   build/containers/SUITE/tree  the tree as git knows its files, in the state they are in now; its build trees are in there
#   build/containers/SUITE/apt   what apt has fetched
#   build/containers/ccache      the compiler's cache, of all suites
#
# What scripts/bootstrap installs is kept as an image, until the lists of packages change and another one takes its place; build trees
# and cache are kept too: a second run takes what building and testing here would. `--clean` throws all of a suite's away first, but for
# the cache.

# test_in SUITE CLEAN [OPTION...]: ends the script with the exit code of `scripts/test OPTION...` in there.
test_in() {
  local suite=$1 clean=$2 home name code=0
  shift 2
  home="$CONTAINER_STATE/$suite"
  name="muster-test-$suite-$$"
  use_containers
  mkdir -p "$home" "$CONTAINER_STATE/ccache"
  exec 9>"$CONTAINER_STATE/$suite.lock"
  flock --nonblock 9 || die "another scripts/test --in $suite is at work in this tree: wait for its end"
  if [ "$clean" -eq 1 ]; then forget "$suite"; fi
  base_image "$suite"
  copy_tree "$home/tree"
  mkdir -p "$home/apt/partial"
  # Beside it, not in front: a signal that ends this script must take the container along, which would not hear of it.
  # shellcheck disable=SC2064  # the name is known now
  trap "end_container '$name'" EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  local lists=()
  case " $* " in *' --long '*) lists=(long) ;; esac
  install_once "$suite" "$name" ${lists[@]+"${lists[@]}"}
  say "testing in Debian $suite: scripts/test $*"
  in_container "$name" "$IMAGE" --rm -- scripts/test "$@" || code=$?
  exit "$code"
}

# in_container NAME IMAGE ENGINE_OPTION... -- COMMAND...: its output and exit code.
in_container() {
  local name=$1 image=$2 options=()
  shift 2
  while [ "$1" != -- ]; do options+=("$1"); shift; done
  shift
  # Some tests open thousands of connections. For podman, use_containers has said so: with an option it would forget its others.
  [ "$ENGINE" = podman ] || options+=(--ulimit "nofile=20000:20000")
  options+=(
    --name "$name" --workdir /muster
    --volume "$home/tree:/muster" --volume "$home/apt:/var/cache/apt/archives" --volume "$CONTAINER_STATE/ccache:/ccache"
    --env CCACHE_DIR=/ccache --env MUSTER_BUILD_QUIET --env MUSTER_SEED --env MUSTER_RECORD
    # Root that may mount, in a mount namespace of its own, the small tmpfs that e2e_11_full_disk fills: what AppArmor denies
    # containers beside the capability.
    --cap-add SYS_ADMIN --security-opt apparmor=unconfined
    # tests/unit/edge cuts a child's power between two of its system calls, and LeakSanitizer looks at its own process.
    --cap-add SYS_PTRACE
    # ThreadSanitizer starts itself again without address randomisation, which the engines' filter of system calls denies.
    --security-opt seccomp=unconfined)
  # A shell stays as the first process: it collects what tests that kill their programs leave behind.
  "$ENGINE" run "${options[@]}" "$image" bash -c '"$@"; exit $?' bash "$@" 9>&- &
  wait $!
}

# install_once SUITE NAME [LIST...]: sets IMAGE to one that the packages of scripts/bootstrap have been installed into, and
# nothing else. With other lists it is another one, which stays.
install_once() {
  local suite=$1 name=$2 kind key said
  shift 2
  kind=$(printf '%s-' "$suite" "$@")
  key=$({ printf '%s\n' "$BASE" "$@" && cat "$TREE"/scripts/bootstrap "$TREE"/scripts/packages.txt "$TREE"/scripts/packages-long.txt; } | sha256sum | cut -c 1-12)
  IMAGE="localhost/muster-test:$kind$key"
  if "$ENGINE" image inspect "$IMAGE" >/dev/null 2>&1; then return; fi
  in_container "$name" "$BASE" -- scripts/bootstrap "$@" || die "scripts/bootstrap has failed in Debian $suite: the lines above say why"
  said=$("$ENGINE" commit "$name" "$IMAGE" 2>&1) || die "$ENGINE could not keep the container with the packages as an image: $said"
  "$ENGINE" rm "$name" >/dev/null
  forget_images "${kind}[0-9a-f]\{12\}"
}

# forget_images TAG: those whose tag is like it, but for IMAGE and what a container has been made of: another tree may be at work.
forget_images() {
  local image
  "$ENGINE" images --format '{{.Repository}}:{{.Tag}}' | grep -x "localhost/muster-test:$1" | while read -r image; do
    if [ "$image" = "${IMAGE:-}" ] || [ -n "$("$ENGINE" ps -aq --filter "ancestor=$image")" ]; then continue; fi
    "$ENGINE" rmi "$image" >/dev/null
  done || true
}

# copy_tree FOLDER: the files that git knows, with their times, so that what was built there stays built; what is no longer
# in the tree goes, the build trees stay.
copy_tree() {
  local folder=$1 file
  mkdir -p "$folder"
  find "$folder" -mindepth 1 -maxdepth 1 ! -name build -exec rm -rf {} +
  git -C "$TREE" ls-files -z >/dev/null 2>&1 || die "this is no clone: scripts/test --in copies what git ls-files names"
  git -C "$TREE" ls-files -z | while IFS= read -r -d '' file; do
    if [ -e "$TREE/$file" ]; then printf '%s\0' "$file"; fi
  done | tar -C "$TREE" --null --files-from=- --format=posix -cf - | tar -C "$folder" -xf - ||
    die "the tree could not be copied to $folder"
}

# forget SUITE: its build trees, its packages and the images with them.
forget() {
  rm -rf "${CONTAINER_STATE:?}/$1" || die "what is below $CONTAINER_STATE/$1 belongs to root: remove it as root"
  forget_images "$1-.*"
}

end_container() {
  "$ENGINE" kill "$1" >/dev/null 2>&1 || true
  "$ENGINE" rm -f "$1" >/dev/null 2>&1 || true
}
