# shellcheck shell=bash
# scripts/package --check. Sourced after common.sh and containers.sh. REQUIRES: OUT, PACKAGES, package_file.
#
# Four machines, which are containers of the release of Debian that the packages are for: operator, broker, gw-1 and gw-2. What is run
# on them is docs/install.md, block by block: ```sh ROLE says on which.

GUIDE=$TREE/docs/install.md
CHECK_LOG=$OUT/check.log
IDLE='trap "exit 0" TERM; while :; do sleep 3600 & wait; done'  # a shell, as process 1 has to take leave of orphans
WORK=/root/work   # where the guide's commands are run
NET=muster-package-$$
IMAGE=localhost/muster-package-check:$$
MACHINES=(operator broker gw-1 gw-2)
PLAYED=0

ok() { printf '  ✓ %s\n' "$*"; }

failed() {
  {
    tail -n 25 "$CHECK_LOG"
    local name
    for name in "${MACHINES[@]}"; do
      printf -- '--- services of %s\n' "$name"
      "$ENGINE" exec "$NET-$name" bash -c 'tail -n 12 /run/stand-in/log /run/stand-in/*.log /var/log/mosquitto/mosquitto.log 2>/dev/null' || true
    done
    printf '\n'
  } >&2
  die "$1 ($CHECK_LOG has everything that was said)"
}

remove_machines() {
  trap - EXIT
  local name
  for name in "${MACHINES[@]}" image; do "$ENGINE" rm -f "$NET-$name" >/dev/null 2>&1 || true; done
  "$ENGINE" network rm "$NET" >/dev/null 2>&1 || true
  "$ENGINE" rmi -f "$IMAGE" >/dev/null 2>&1 || true
}

# on MACHINE SCRIPT: runs it there with bash.
on() { "$ENGINE" exec -w "$WORK" -e DEBIAN_FRONTEND=noninteractive "$NET-$1" bash -c "set -euo pipefail; $2" >>"$CHECK_LOG" 2>&1; }
# said MACHINE SCRIPT: what it prints.
said() { "$ENGINE" exec -w "$WORK" "$NET-$1" bash -c "$2" 2>>"$CHECK_LOG"; }
# expect MACHINE SENTENCE SCRIPT: fails with the sentence when the script does.
expect() { on "$1" "$3" || failed "$1: not so: $2"; }
# expect_soon MACHINE SENTENCE SCRIPT: waits for it to succeed, up to a minute.
expect_soon() {
  local tries
  for ((tries = 0; tries < 120; ++tries)); do
    if on "$1" "$3"; then return; fi
    sleep 0.5
  done
  failed "$1: not so after a minute: $2"
}

# --- the packages as files ---

check_lint() {
  local report
  report=$(lintian --allow-root --tag-display-limit 0 --fail-on error "$OUT"/*.deb 2>&1) || { printf '%s\n' "$report" >&2; die "lintian found errors, see above"; }
  printf '%s\n' "$report" >"$OUT/lintian.log"
  ok "lintian has no errors ($(grep -c '^W:' "$OUT/lintian.log" || true) warnings, in ${OUT#"$TREE"/}/lintian.log)"
}

check_contents() {
  local name tree file found
  mkdir -p "$OUT/tree"
  for name in "${PACKAGES[@]}"; do
    tree=$OUT/tree/$name
    dpkg-deb -R "$(package_file "$name")" "$tree"
    for file in copyright changelog.gz examples; do
      [ -e "$tree/usr/share/doc/$name/$file" ] || die "$name has no $file in /usr/share/doc/$name"
    done
    found=$(find "$tree/usr" -type f \( -perm -u=x -o -name '*.so' \) -exec readelf -d {} + | grep -E '\((RPATH|RUNPATH)\)' || true)
    [ -z "$found" ] || die "$name looks for libraries in folders of a build tree: $found"
  done
  diff <(printf '%s\n' /etc/mosquitto/muster/broker.yaml /etc/mosquitto/muster/mosquitto.conf) <(sort "$OUT/tree/mosquitto-muster/DEBIAN/conffiles") >&2 ||
    die "the conffiles of mosquitto-muster are not those two (left: expected)"
  file=$(find "$OUT/tree/muster-edge" -name muster-edge.service)
  # systemd would start it again for ever, whatever RestartPreventExitStatus says.
  if grep -q '^ExecStartPre=' "$file"; then die "muster-edge.service has an ExecStartPre, whose exit code RestartPreventExitStatus does not see"; fi
  # It looks for the programs of a unit on this machine.
  sed -i 's|/usr/bin/muster-edge|/bin/true|' "$file"
  found=$(systemd-analyze verify --man=no "$file" 2>&1) || true
  [ -z "$found" ] || die "systemd-analyze verify: $found"
  rm -rf "$OUT/tree"
  ok "each has its example, copyright and changelog; no search path of a build tree; conffiles and unit are right"
}

# --- the machines ---

# One image for all: with the package lists, with manuals and documents (which slim images leave out), and with what stands in for
# systemctl, as no systemd runs in a container.
make_machines() {
  local name
  "$ENGINE" run -d --name "$NET-image" "$BASE" bash -c "$IDLE" >>"$CHECK_LOG" 2>&1 || die "no container of $BASE can be started: $CHECK_LOG says why"
  "$ENGINE" cp "$TREE/tests/packages/systemctl" "$NET-image:/usr/bin/systemctl"
  "$ENGINE" exec "$NET-image" bash -c "set -e; mkdir -p $WORK /run/systemd/system; rm -f /usr/sbin/policy-rc.d /etc/dpkg/dpkg.cfg.d/*
    echo 'APT::Get::Assume-Yes \"true\"; APT::Install-Recommends \"false\";' >/etc/apt/apt.conf.d/90check; apt-get -q update; apt-get -q install strace" >>"$CHECK_LOG" 2>&1 ||
    die "a container's apt cannot fetch packages: $CHECK_LOG says why"
  {
    "$ENGINE" commit "$NET-image" "$IMAGE"
    "$ENGINE" rm -f "$NET-image"
    "$ENGINE" network create "$NET"
  } >>"$CHECK_LOG" 2>&1
  for name in "${MACHINES[@]}"; do
    # With the capability a tracer also reads the memory of a process that has another user and no rights.
    "$ENGINE" run -d --cap-add SYS_PTRACE --name "$NET-$name" --hostname "$name" --network "$NET" --network-alias "$name.example" "$IMAGE" \
      bash -c "mkdir -p /run/systemd/system; $IDLE" >>"$CHECK_LOG" 2>&1
    "$ENGINE" cp "$OUT/." "$NET-$name:$WORK"
  done
}

# copy FROM FOLDER TO FILE...: carries files from a folder on one machine to another machine.
copy() {
  local from=$1 folder=$2 to=$3
  shift 3
  "$ENGINE" exec -w "$WORK/$folder" "$NET-$from" tar -cf - "$@" | "$ENGINE" exec -i -w "$WORK" "$NET-$to" tar -xf - --no-same-owner
}

# --- the guide ---

# blocks: "LINE ROLE SECTION" of each block of the guide that is run.
blocks() { awk '/^## /{section = substr($0, 4)} /^```sh [a-z]+$/{print NR, $2, section}' "$GUIDE"; }
block_at() { awk -v first="$1" 'NR > first && /^```$/{exit} NR > first' "$GUIDE"; }

# run_block MACHINE LINE: variables that a block exports are there in the next ones of that machine.
run_block() {
  printf '$ %s, %s:%s\n' "$1" "${GUIDE#"$TREE"/}" "$2" >>"$CHECK_LOG"
  on "$1" "if [ -f /root/env ]; then . /root/env; fi; set -x; $(block_at "$2")"$'\n''{ set +x; export -p | grep " MUSTER_" >/root/env || true; } 2>/dev/null' ||
    failed "$1: the block at line $2 of ${GUIDE#"$TREE"/} fails"
}

# play SECTION: runs its blocks in order; those of a device on both.
play() {
  local line role section before=$PLAYED
  while read -r line role section <&3; do
    [ "$section" = "$1" ] || continue
    PLAYED=$((PLAYED + 1))
    case "$role" in
      device)
        run_block gw-1 "$line"
        run_block gw-2 "$line"
        ;;
      operator | broker) run_block "$role" "$line" ;;
      *) die "${GUIDE#"$TREE"/}:$line: no machine is called '$role'" ;;
    esac
  done 3< <(blocks)
  [ "$PLAYED" -gt "$before" ] || die "${GUIDE#"$TREE"/} has no commands under '$1'"
}

# --- what has to be so in between ---

# user_of SERVICE: a script that prints as whom it runs.
user_of() { printf 'id -nu "$(awk "/^Uid:/{print \$3}" /proc/$(cat /run/stand-in/%s.pid)/status)"' "$1"; }
# What the broker has logged since its last start.
BROKER_SAYS='tac /run/stand-in/mosquitto.log | sed "/ starting$/q"'
WITH_PLUGIN="systemctl is-active mosquitto; $BROKER_SAYS | grep 'Loading plugin: /usr/lib/mosquitto/mosquitto_muster.so'"
WITHOUT_PLUGIN="systemctl is-active mosquitto; ! (exec 3<>/dev/tcp/127.0.0.1/8883)"

check_installed() {
  local owners="stat -c '%U:%G %a %n'"
  expect operator "programs say the packages' version" \
    "version=\$(dpkg-query -W -f '\${Version}' muster-tools); musterctl --version | grep -F \"\${version%%~*}\""
  expect operator "mosquitto_ctrl knows musterctl where both are installed" "apt install mosquitto; mosquitto_ctrl muster --version | grep musterctl"
  expect broker "folders and keys have their owners" "diff <($owners /etc/mosquitto/muster /var/lib/mosquitto/muster /etc/mosquitto/muster/*.key) - <<END
root:mosquitto 750 /etc/mosquitto/muster
mosquitto:mosquitto 750 /var/lib/mosquitto/muster
mosquitto:root 600 /etc/mosquitto/muster/control.key
mosquitto:root 600 /etc/mosquitto/muster/server.key
END"
  expect broker "the broker runs as its user, with the plugin" \
    "$WITH_PLUGIN; [ \"\$($(user_of mosquitto))\" = mosquitto ]"
}

check_agents() {
  local gw
  for gw in gw-1 gw-2; do
    expect "$gw" "the service waited for its configuration" "grep -F 'muster-edge: skipped, as /etc/muster/muster-edge.yaml is not there' /run/stand-in/log"
    expect "$gw" "the service is enabled and runs, as its user and without rights" "systemctl is-enabled muster-edge; systemctl is-active muster-edge
      [ \"\$($(user_of muster-edge))\" = muster ]; pid=\$(cat /run/stand-in/muster-edge.pid)
      grep -E '^NoNewPrivs:.1' /proc/\$pid/status; grep -E '^CapBnd:.0+\$' /proc/\$pid/status"
    expect "$gw" "its folders have their owners" "diff <(stat -c '%U:%G %a %n' /etc/muster /var/lib/muster) - <<END
root:muster 750 /etc/muster
muster:muster 750 /var/lib/muster
END"
  done
}

CONNECT="export MUSTER_HOST=broker.example MUSTER_CA=keys/ca.crt MUSTER_CERT=keys/alice.crt MUSTER_KEY=keys/alice.key;"

wait_for_devices() {
  local gw
  for gw in gw-1 gw-2; do
    expect_soon operator "$gw is enrolled: connected, and has reported" \
      "$CONNECT musterctl device show $gw --json | tr -d ' \n' | grep '\"connected\":true' | grep '\"reported\":true'"
  done
}

check_rollout() {
  local gw
  expect operator "the rollout has completed on both" "$CONNECT musterctl rollout status greeting-1 --json | tr -d ' \n' | grep '\"state\":\"completed\"'"
  for gw in gw-1 gw-2; do
    [ "$(said $gw 'cat /var/lib/muster/planes/config/active/greeting.txt')" = 'Hello, gateways' ] || failed "$gw has not what was rolled out"
  done
}

# trace_of MACHINE: what the agent asked the kernel for in its last start, from where the unit's sandbox would have begun.
trace_of() { said "$1" "sed -n '/execve(\"\/usr\/bin\/muster-edge\"/,\$p' /run/stand-in/muster-edge.trace"; }

# allowed_calls SET: the names of a set of systemd's, with those of the sets in it.
allowed_calls() {
  systemd-analyze syscall-filter 2>>"$CHECK_LOG" | awk -v set="$1" '
    function expand(name, list, count, i) {
      count = split(members[name], list, " ")
      for (i = 1; i <= count; ++i) if (list[i] ~ /^@/) expand(list[i]); else print list[i]
    }
    /^@/ { at = $1; next }
    NF && $1 != "#" { members[at] = members[at] " " $1 }
    END { expand(set) }' | sort -u
}

# No systemd runs in a container, so nothing enforces the unit's sandbox; but what the agent did through a rollout can be held against it.
check_sandbox() {
  local unit=$TREE/edge-client/muster-edge.service trace=$OUT/muster-edge.trace refused
  trace_of gw-2 >"$trace"
  grep -q 'planes/config/active' "$trace" || failed "the trace of gw-2 has no rollout in it"
  refused=$(comm -23 <(sed -n 's/^[0-9]* *\([a-z][a-z0-9_]*\)(.*/\1/p' "$trace" | sort -u) \
    <(allowed_calls "$(sed -n 's/^SystemCallFilter=//p' "$unit")"))
  [ -z "$refused" ] || failed "SystemCallFilter of the unit would have refused: $refused"
  # ProtectSystem=strict: it may change files in the folders that the unit makes for it only.
  refused=$(grep -E 'O_(WRONLY|RDWR|CREAT)|^[0-9]* *(mkdir|rename|symlink|link|unlink|rmdir|chmod|chown|truncate)' "$trace" | grep -v ' = -1 ' |
    grep -oE '"/[^"]*"' | grep -vE '^"(/var/lib/muster|/run/muster|/dev/null)' || true)
  [ -z "$refused" ] || failed "ProtectSystem of the unit would have refused to change: $refused"
  refused=$(grep -E 'PROT_WRITE\|PROT_EXEC' "$trace" || true)
  [ -z "$refused" ] || failed "MemoryDenyWriteExecute of the unit would have refused: $refused"
  ok "what the agent asked the kernel for through the rollout is inside of its unit's sandbox ($(wc -l <"$trace") calls)"
}

# Installing over itself is what an upgrade does; what it must keep is kept.
check_upgrade() {
  expect broker "dpkg keeps what was changed in a conffile, and the broker restarts with the plugin" \
    "echo '# ours' >>/etc/mosquitto/muster/broker.yaml; before=\$(cat /run/stand-in/mosquitto.pid); apt-get --reinstall install ./mosquitto-muster_*.deb
     tail -n 1 /etc/mosquitto/muster/broker.yaml | grep -x '# ours'; [ \"\$before\" != \"\$(cat /run/stand-in/mosquitto.pid)\" ]
     $WITH_PLUGIN"
  expect gw-1 "the agent restarts" \
    "before=\$(cat /run/stand-in/muster-edge.pid); apt-get --reinstall install ./muster-edge_*.deb; systemctl is-active muster-edge; [ \"\$before\" != \"\$(cat /run/stand-in/muster-edge.pid)\" ]"
  wait_for_devices
  check_rollout
}

# Removed is not purged: what a package had is there when it comes back.
check_return() {
  expect broker "the broker goes on without the plugin, and keys and state stay" \
    "apt-get remove mosquitto-muster; $WITHOUT_PLUGIN
     test -f /etc/mosquitto/muster/control.key; test -d /var/lib/mosquitto/muster/db; ! test -e /usr/lib/mosquitto/mosquitto_muster.so"
  expect broker "installed and switched on again it has its state" \
    "apt-get install ./mosquitto-muster_*.deb; ln -s ../muster/mosquitto.conf /etc/mosquitto/conf.d/muster.conf; systemctl restart mosquitto"
  expect gw-2 "removing the agent stops it; what it activated stays" \
    "pid=\$(cat /run/stand-in/muster-edge.pid); apt-get remove muster-edge; ! kill -0 \$pid; test -f /etc/muster/device.key; test -f /var/lib/muster/planes/config/active/greeting.txt"
  expect gw-2 "it starts again when it is installed again" "apt-get install ./muster-edge_*.deb; systemctl is-active muster-edge"
  wait_for_devices
  check_rollout
}

# check_nothing_left MACHINE: no package, no file, no user.
check_nothing_left() {
  local left
  left=$(said "$1" "dpkg-query -W -f '\${Package} \${db:Status-Status}\n' '*muster*' 2>/dev/null
    getent passwd muster; getent group muster
    find / -xdev \( -path /proc -o -path /sys -o -path $WORK -o -path /root/env -o -path /run/stand-in \) -prune -o \( -iname '*muster*' -o -nouser -o -nogroup \) -print" || true)
  [ -z "$left" ] || failed "$1: purged, but this is left: $left"
}

# A second time around nothing at all may differ but what apt and dpkg write for themselves.
check_cycle() {
  local listing="find / -xdev \( -path /proc -o -path /sys -o -path /run -o -path /tmp -o -path $WORK -o -path /var/cache -o -path /var/log
      -o -path /var/lib/dpkg -o -path /var/lib/apt \) -prune -o -printf '%u:%g %m %p\n' | sort"
  local round
  for round in 1 2; do
    expect operator "all three can be installed on one machine, and purged" \
      "apt-get install ./muster-tools_*.deb ./mosquitto-muster_*.deb ./muster-edge_*.deb; apt-get purge ${PACKAGES[*]}"
    check_nothing_left operator
    expect operator "the machine can be listed" "$(tr '\n' ' ' <<<"$listing") >$WORK/listing-$round"
  done
  expect operator "installing and purging leaves every file as it was" "diff listing-1 listing-2"
}

check_packages() {
  check_lint
  check_contents
  check_machines
}

check_machines() {
  use_containers
  base_image "$(. /etc/os-release && printf '%s' "$VERSION_CODENAME")"
  : >"$CHECK_LOG"
  trap remove_machines EXIT
  make_machines
  ok "four machines of $BASE run"

  play 'Keys and certificates'
  copy operator keys broker broker.key broker.crt control.key root-chain.mrch ca.crt
  copy operator keys gw-1 ca.crt root.menv gw-1.key gw-1.crt
  copy operator keys gw-2 ca.crt root.menv gw-2.key gw-2.crt
  play 'The broker'
  check_installed
  expect gw-2 "it can be traced" "mkdir -p /run/stand-in; touch /run/stand-in/trace"
  play 'A device'
  check_agents
  ok "installed as in the guide: files, owners, services and their rights"
  wait_for_devices
  play 'The first rollout'
  check_rollout
  ok "a rollout with an approval reached both devices"
  check_sandbox
  check_upgrade
  ok "installed over themselves: configuration, state and releases stay, services restart"
  check_return
  ok "removed: the broker goes on without the plugin; installed again: everything is as before"
  play 'Removing'
  local name
  for name in "${MACHINES[@]}"; do check_nothing_left "$name"; done
  expect broker "the broker runs without the plugin" "$WITHOUT_PLUGIN"
  check_cycle
  ok "purged: no package, no file, no user is left; and a second time"
  [ "$PLAYED" = "$(blocks | wc -l)" ] || die "${GUIDE#"$TREE"/} has commands in a section that is not run here"
  remove_machines
  ok "all $PLAYED blocks of commands of ${GUIDE#"$TREE"/} were run"
}
