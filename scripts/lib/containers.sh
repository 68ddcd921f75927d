# shellcheck shell=bash
# Containers: with the Docker engine of this machine, or with podman where there is none. Sourced after common.sh.
#
# Needs root for podman: its containers get networks of their own.

CONTAINER_STATE="$TREE/build/containers"

# use_containers: sets ENGINE to `docker` or `podman`. Ends the script with a sentence where neither can run a container.
use_containers() {
  if have docker && docker info >/dev/null 2>&1; then
    ENGINE=docker
    return
  fi
  "$TREE/scripts/bootstrap" containers
  have podman || die "neither a Docker engine nor podman is here: install one of them"
  ENGINE=podman
  mkdir -p "$CONTAINER_STATE"
  # crun, podman's default, refuses mixed control groups; runc and these limits also run inside of a container and without
  # systemd. A limit may not be above that of this shell.
  cat >"$CONTAINER_STATE/containers.conf" <<CONF
[containers]
default_ulimits = ["nofile=$(least 20000 "$(ulimit -Hn)"):$(least 20000 "$(ulimit -Hn)")", "nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
[network]
network_backend = "netavark"
CONF
  export CONTAINERS_CONF="$CONTAINER_STATE/containers.conf"
  podman info >/dev/null 2>"$CONTAINER_STATE/podman.err" ||
    die "podman does not run here: $(tail -n 1 "$CONTAINER_STATE/podman.err")"
}

# least A B: the smaller one, of which B may be `unlimited`.
least() { if [ "$2" = unlimited ] || [ "$1" -lt "$2" ]; then printf '%s' "$1"; else printf '%s' "$2"; fi; }

# base_image SUITE: sets BASE to an image of bookworm or trixie as small as Debian's own slim ones. Docker fetches that one;
# podman gets one made of packages, under a name of ours, as there may be no registry.
base_image() {
  local suite=$1
  if [ "$ENGINE" = docker ]; then
    BASE="debian:$suite-slim"
    return
  fi
  BASE="localhost/muster-base:$suite"
  if ! podman image exists "$BASE"; then
    local root="$CONTAINER_STATE/$suite.tar"
    make_root "$suite" "$root"
    podman import --quiet "$root" "$BASE" >/dev/null || die "podman could not take the root of Debian $suite as an image"
    rm -f "$root"
  fi
}

# make_root SUITE FILE: a tar archive of a Debian root with the essential packages and apt, without manuals and translations.
make_root() {
  local suite=$1 file=$2 what options=()
  for what in 'doc/*' 'man/*' 'info/*' 'locale/*' 'lintian/*'; do
    options+=("--dpkgopt=path-exclude=/usr/share/$what")
    [ "$what" != 'doc/*' ] || options+=('--dpkgopt=path-include=/usr/share/doc/*/copyright')
  done
  say "making a root of Debian $suite"
  # The hook and the package keep usrmerge out, which would bring all of perl.
  mmdebstrap --quiet --variant=minbase --include=usr-is-merged --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr \
    "${options[@]}" "$suite" "$file" >"$file.log" 2>&1 ||
    die "mmdebstrap could not make a root of Debian $suite: $(tail -n 1 "$file.log")"
  rm -f "$file.log"
}
