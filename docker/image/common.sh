# shellcheck shell=sh
# What the programs of all images share. Sourced.
#
# A container that cannot do its work stays up, says in one sentence why, fails its health check with the same sentence, and tries
# again further and further apart: what is mended from outside is then taken up without anybody's help, and nothing loops in silence.

STATE=/tmp/muster           # a tmpfs: gone with the container's run
TROUBLE=$STATE/trouble      # the sentence, while there is one
WORKED=$STATE/worked        # there when something has worked since the last pause
CONNECTED=$STATE/connected  # there while a device has its broker
VOLUME_FORMAT=1             # of what provision puts into volumes
mkdir -p "$STATE"
child=''

say() { printf 'muster: %s\n' "$*"; }

# note_trouble SENTENCE: for the health check alone, when the log has it already.
note_trouble() { printf '%s\n' "$1" >"$TROUBLE"; }

# trouble SENTENCE: for both; into the log once, however often it is met.
trouble() {
  if [ "$(cat "$TROUBLE" 2>/dev/null)" != "$1" ]; then say "$1" >&2; fi
  note_trouble "$1"
}

# well: what the trouble was about works. A file tells the next pause, as a watcher of run_watched is another process.
well() {
  rm -f "$TROUBLE"
  : >"$WORKED"
}

# The time until the next attempt: 1 s, doubled up to 30 s, and 1 s again only when something has worked meanwhile. Asked to stop,
# nobody waits.
pause_s=1
pause() {
  if [ -e "$WORKED" ]; then
    rm -f "$WORKED"
    pause_s=1
  fi
  sleep "$pause_s" &
  child=$!
  [ "$stopping" = no ] || kill "$child"
  wait "$child" || true
  child=''
  pause_s=$((pause_s * 2))
  if [ "$pause_s" -gt 30 ]; then pause_s=30; fi
}

# until_ready COMMAND: until it succeeds; it says its own trouble, and that trouble alone is over then. The container ends here, and
# ends well, when it is asked to stop meanwhile.
until_ready() {
  local failed=no
  until "$1"; do
    failed=yes
    pause
    [ "$stopping" = no ] || exit 0
  done
  [ "$failed" = no ] || well
}

# volume_is_ours FOLDER: whether provision has finished it, in the format of these images.
volume_is_ours() {
  local found
  if ! found=$(cat "$1/format" 2>/dev/null); then
    trouble "the volume at $1 is empty: it waits for the service 'provision'"
    return 1
  fi
  [ "$found" = "$VOLUME_FORMAT" ] && return 0
  trouble "the volume at $1 was made by another version of these images (format $found, this one reads $VOLUME_FORMAT): run that version, or begin anew with docker compose down --volumes"
  return 1
}

# stop_on_signals: what a container is asked to do is asked of its program too.
stop_on_signals() {
  trap 'stopping=yes; [ -z "$child" ] || kill -TERM "$child" 2>/dev/null' TERM INT
}
stopping=no

# run_watched WATCHER COMMAND...: runs it, gives each of its lines to the log and to the function WATCHER, and returns its exit
# code. Its process id is in $child and in $STATE/child meanwhile.
run_watched() {
  local watcher=$1 code=0
  shift
  rm -f "$STATE/lines"
  mkfifo "$STATE/lines"
  while IFS= read -r line; do
    printf '%s\n' "$line"
    "$watcher" "$line"
  done <"$STATE/lines" &
  local reader=$!
  "$@" >"$STATE/lines" 2>&1 &
  child=$!
  echo "$child" >"$STATE/child"
  [ "$stopping" = no ] || kill -TERM "$child"
  wait "$child" || code=$?
  # A signal to this shell ends its waiting, not the program.
  while kill -0 "$child" 2>/dev/null; do
    code=0
    wait "$child" || code=$?
  done
  child=''
  rm -f "$STATE/child"
  # What the program leaves running may hold the pipe open; its last words are read by now.
  sleep 0.2
  kill "$reader" 2>/dev/null || true
  wait "$reader" 2>/dev/null || true
  return "$code"
}
