# shellcheck shell=bash
# Starts and ends the demo's own processes. Each has a file NAME.pid under $STATE and $STATE in its command line, by which it is
# known again: nothing is ever ended by its name alone. Sourced after common.sh; REQUIRES: STATE.

# start NAME LOG COMMAND...: runs it in the background; its output goes to the end of LOG.
start() {
  local name=$1 log=$2
  shift 2
  "$@" >>"$log" 2>&1 </dev/null &
  local pid=$!
  echo "$pid" >"$STATE/$name.pid"
  disown "$pid"
  # For a moment it is still this script, by whose command line nobody would know it.
  while cmp -s "/proc/$pid/cmdline" "/proc/$$/cmdline"; do sleep 0.01; done
}

# The process id of NAME when it lives: a number from a file alone may long belong to another process.
pid_of() {
  local pid
  pid=$(cat "$STATE/$1.pid" 2>/dev/null) || return 1
  is_ours "$pid" || return 1
  echo "$pid"
}
is_ours() { tr '\0' ' ' 2>/dev/null <"/proc/$1/cmdline" | grep -qF "$STATE/"; }
runs() { pid_of "$1" >/dev/null; }
gone() { ! runs "$1"; }

# signal_process NAME SIGNAL
signal_process() {
  local pid
  pid=$(pid_of "$1") && kill -s "$2" "$pid" 2>/dev/null
}

# stop_process NAME: asks it to end and waits; after 5 s it is killed.
stop_process() {
  local tries=50
  signal_process "$1" TERM || return 0
  while [ $tries -gt 0 ] && runs "$1"; do
    sleep 0.1
    tries=$((tries - 1))
  done
  signal_process "$1" KILL || true
}

# Ends everything that has a .pid file, agents first so that nobody starts a reader again, and says what would not end.
stop_all() {
  local files file names=() name tries=50 left
  files=$(find "$STATE" -name '*.pid' 2>/dev/null | sort) || return 0
  for file in $files; do
    name=${file#"$STATE/"}
    names+=("${name%.pid}")
  done
  for name in ${names[@]+"${names[@]}"}; do signal_process "$name" TERM || true; done
  while :; do
    left=''
    for name in ${names[@]+"${names[@]}"}; do if runs "$name"; then left="$left $name"; fi; done
    if [ -z "$left" ] || [ $tries -eq 0 ]; then break; fi
    sleep 0.1
    tries=$((tries - 1))
  done
  for name in $left; do signal_process "$name" KILL || true; done
}
