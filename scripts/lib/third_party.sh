# shellcheck shell=bash
# Fetches the third-party sources that firmware for boards is built from: Debian's source packages, by the system's own
# package sources, checked against the SHA-256 in third-party.txt. Sourced after common.sh. A tree that has them asks no
# network; apt's own state is not touched. The firmware is the same wherever it is built: on a newer Debian too, these are
# the sources of the release that third-party.txt names.

THIRD_PARTY_LIST="$TREE/mcu-client/ports/mps2-an385/third-party.txt"
THIRD_PARTY="$TREE/build/third-party"

# The Debian release whose sources third-party.txt pins.
PINNED_SUITE=$(sed -n 's/^# suite: *//p' "$THIRD_PARTY_LIST")

# fetch_third_party: afterwards build/third-party/PACKAGE-VERSION exists for every line of the list.
fetch_third_party() {
  local package version tarball sha256
  while read -r package version tarball sha256; do
    case "$package" in '' | '#'*) continue ;; esac
    if [ ! -f "$THIRD_PARTY/$package-$version/.complete" ]; then
      fetch_one "$package" "$version" "$tarball" "$sha256"
    fi
  done <"$THIRD_PARTY_LIST"
}

# fetch_one PACKAGE VERSION TARBALL SHA256. The folder gets its name when everything is in it.
fetch_one() {
  local package=$1 version=$2 tarball=$3 sha256=$4 downloads="$THIRD_PARTY/downloads" folder="$THIRD_PARTY/$1-$2"
  mkdir -p "$downloads"
  if ! is_tarball "$downloads/$tarball" "$sha256"; then
    download_source "$package" "$downloads"
    [ -f "$downloads/$tarball" ] ||
      die "Debian's source package $package is not of version $version here: $tarball is what third-party.txt pins. Get that file from elsewhere and put it into $downloads"
    is_tarball "$downloads/$tarball" "$sha256" ||
      die "$tarball is not the file that third-party.txt pins: its SHA-256 is another one. Nothing was built from it"
  fi
  rm -rf "$folder" "$folder.new"
  mkdir -p "$folder.new"
  tar -xf "$downloads/$tarball" -C "$folder.new" --strip-components=1 || die "$tarball cannot be unpacked"
  : >"$folder.new/.complete"
  mv "$folder.new" "$folder"
  say "third-party source $package $version is in build/third-party"
}

is_tarball() { [ -f "$1" ] && printf '%s  %s\n' "$2" "$1" | sha256sum --check --status; }

# The system's package sources, for source packages only: of each entry that is in use, whatever its style, with the pinned
# release in place of the system's own. An archive has both, under names that differ by the release's only.
source_entries() {
  local file suite
  suite=$(. /etc/os-release 2>/dev/null && printf '%s' "${VERSION_CODENAME:-}")
  local pin="s/\\b(${suite:-stable}|stable)(-security|-updates)?\\b/$PINNED_SUITE\\2/g"
  for file in /etc/apt/sources.list.d/*.sources; do
    [ -f "$file" ] || continue
    sed -E -e 's/^Types:.*/Types: deb-src/' -e "/^Suites:/$pin" "$file" >"$1/$(basename "$file")"
  done
  : >"$1/one-line.list"
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
    if [ -f "$file" ]; then sed -n -E -e "/^deb[[:space:]]/{s/^deb[[:space:]]/deb-src /;$pin;p}" "$file" >>"$1/one-line.list"; fi
  done
}

# download_source PACKAGE FOLDER: the upstream tarball of its newest version, with apt's state in a folder of our own.
download_source() {
  local package=$1 folder=$2 state="$THIRD_PARTY/apt"
  have apt-get || die "the source of $package is fetched by apt-get, which this system lacks. Put the file that third-party.txt names into $folder"
  mkdir -p "$state/sources" "$state/lists/partial" "$state/cache/archives/partial"
  source_entries "$state/sources"
  local options=(-q -o "Dir::Etc::sourcelist=/dev/null" -o "Dir::Etc::sourceparts=$state/sources"
    -o "Dir::State::lists=$state/lists" -o "Dir::Cache=$state/cache")
  say "fetching the source package $package"
  # One of several sources may be out of reach: what counts is whether the package can be had.
  apt-get "${options[@]}" update >"$state/apt.log" 2>&1 || true
  (cd "$folder" && apt-get "${options[@]}" source --download-only --tar-only "$package") >>"$state/apt.log" 2>&1 || {
    tail -n 5 "$state/apt.log" >&2
    die "the source package $package cannot be fetched: check the network, and that /etc/apt has sources of Debian; they were asked for those of $PINNED_SUITE"
  }
}
