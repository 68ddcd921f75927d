# shellcheck shell=bash
# scripts/fleet --check-bad-input: what the images' containers say of keys, certificates, ports and volumes that are wrong: one clear
# sentence in the log, the same from the health check as often as it is asked, no restart, and an end when it is asked to stop. Sourced
# after fleet_checks.sh.

LABEL="com.docker.compose.project=$PROJECT"

check_bad_input() {
  IDENTITIES=2
  heading "Bad input"
  compose up -d --no-build --scale edge=0 --scale mcu=0 provision broker link
  eventually 60 "the broker's container" has_broker
  eventually 120 "the broker is healthy" healthy "$BROKER"
  make_bad_certificates
  bad_broker_trust
  bad_ports
  bad_volumes
  bad_devices
  bad_microcontrollers
  bad_links
  is_as_shown 'When something is wrong' "$STATE/logs/sentences.log"
  ok "docker/README.md shows what they said"
  step_done
}

# altered NAME VOLUME SHELL_COMMAND: a copy of a volume of this project as a volume NAME, and what is wrong with it.
altered() {
  "$ENGINE" volume rm -f "$1" >/dev/null 2>&1 || true
  "$ENGINE" volume create --label "$LABEL" "$1" >/dev/null
  "$ENGINE" run --rm --network none -v "${PROJECT}_$2:/devices:ro" -v "$1:/work" -v "$STATE/bad:/rules:ro" --entrypoint /bin/sh \
    "$(image_name operator)" -c "cp -a /devices/. /work/ && cd /work && $3" || failed "could not make the volume $1"
}

# says WHAT PATTERN IMAGE [OPTION...]: starts a container of IMAGE and checks what it says; leaves it in $container, for drop.
says() {
  local pattern=$2 image=$3 sentence count
  what=$1
  shift 3
  [ "$image" != broker ] || set -- "$@" -v /data
  container=$("$ENGINE" run -d --label "$LABEL" --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges \
    --network "$(network)" "$@" "$(image_name "$image")") || failed "$what: the container does not start"
  eventually 60 "$what: a sentence in the log like '$pattern'; the log has: $("$ENGINE" logs "$container" 2>&1 | tail -n 2)" log_says "$pattern"
  # The program that fails has to end before its container knows.
  eventually 20 "$what: the same sentence from the health check" health_says "$pattern"
  if [ "$ENGINE" = podman ] && podman healthcheck run "$container" >/dev/null 2>&1; then failed "$what: the engine's health check passes"; fi
  for _ in 1 2 3 4 5 6; do
    health_says "$pattern" || failed "$what: asked again, the health check says '$sentence'"
    sleep 0.5
  done
  expect "$what: the container's state" "$("$ENGINE" inspect --format '{{.State.Status}} {{.RestartCount}}' "$container")" "running 0"
  count=$("$ENGINE" logs "$container" 2>&1 | grep -c "$pattern")
  [ "$count" -le 8 ] || failed "$what: the log says it $count times in a few seconds"
  ok "$what"
  note "  ${DIM}$sentence${PLAIN}"
  printf '%s\n' "$sentence" >>"$STATE/logs/sentences.log"
}
health_says() {
  sentence=$("$ENGINE" exec "$container" /usr/lib/muster/health) && return 1
  grep -q "$1" <<<"$sentence"
}
log_says() { "$ENGINE" logs "$container" 2>&1 | grep -q "$1"; }
# drop: takes $container away. It waits for what may be mended, and still ends when it is asked to: the operator's shell by the signal,
# others by themselves.
drop() {
  "$ENGINE" stop -t 8 "$container" >/dev/null
  case "$("$ENGINE" inspect --format '{{.State.ExitCode}}' "$container")" in
    0 | 143) ;;
    *) failed "$what: asked to stop, the container ended with exit code $("$ENGINE" inspect --format '{{.State.ExitCode}}' "$container")" ;;
  esac
  "$ENGINE" rm -f -v "$container" >/dev/null
}

from_keys() { "$ENGINE" run --rm --network none -v "${PROJECT}_keys:/keys:ro" -v "${PROJECT}_devices:/devices:ro" -v "${PROJECT}_trust:/trust:ro" \
  --entrypoint /bin/cat "$(image_name operator)" "$1"; }

# Expired yesterday, for the keys that are there; and those of another installation.
make_bad_certificates() {
  local folder=$STATE/bad name path
  rm -rf "$folder"
  mkdir -p "$folder"
  chmod 755 "$folder"
  from_keys /keys/installation/ca.key >"$folder/ca.key"
  from_keys /keys/installation/ca.crt >"$folder/ca.crt"
  for path in /trust/broker /devices/edge/edge-001/edge-001 /devices/mcu/mcu-001/mcu-001; do
    name=${path##*/}
    from_keys "$path.key" >"$folder/$name.key"
    openssl req -new -key "$folder/$name.key" -subj "/CN=$name" -out "$folder/request" 2>/dev/null &&
      openssl x509 -req -in "$folder/request" -CA "$folder/ca.crt" -CAkey "$folder/ca.key" -set_serial 77 -days -1 \
        -out "$folder/$name.expired.crt" 2>/dev/null || failed "making an expired certificate for $name"
  done
  "$ENGINE" run --rm --network none --tmpfs /work --entrypoint /bin/sh "$(image_name operator)" -c \
    'musterctl keys init /tmp/other >/dev/null && musterctl cert device edge-001 --ca /tmp/other --out /tmp/foreign >/dev/null && cat /tmp/foreign.crt /tmp/foreign.key' \
    >"$folder/foreign.pem" || failed "making another installation"
  sed -n '1,/END CERTIFICATE/p' "$folder/foreign.pem" >"$folder/foreign.crt"
  sed '1,/END CERTIFICATE/d' "$folder/foreign.pem" >"$folder/foreign.key"
  rm -f "$folder/ca.key" "$folder/foreign.pem"
  chmod 644 "$folder"/*
}

broker_says() { # broker_says WHAT PATTERN SHELL_COMMAND
  altered "${PROJECT}_bad" trust "$3"
  says "$1" "$2" broker -v "${PROJECT}_bad:/trust"
}

bad_broker_trust() {
  broker_says "a broker without its private key" 'the private key is missing or unreadable: .*broker.key' 'rm broker.key'
  drop
  broker_says "a private key that everybody may read" 'broker.key is open to everybody on this machine (mode 0644): chmod 600' 'chmod 644 broker.key'
  # And mended from outside, without a restart.
  "$ENGINE" exec "$container" chmod 600 /trust/broker.key
  eventually 60 "the broker with its key mended is healthy" healthy "$container"
  ok "mended from outside it starts by itself"
  drop
  broker_says "a control key that everybody may read" 'control.key.*chmod 600' 'chmod 644 control.key'
  drop
  broker_says "a broker's certificate that has expired" 'the certificate /trust/broker.crt expired at ' 'cp /rules/broker.expired.crt broker.crt'
  drop
}

bad_ports() {
  local first
  first=$("$ENGINE" run -d --label "$LABEL" --read-only --tmpfs /tmp --network "$(network)" -v "${PROJECT}_trust:/trust:ro" -v /data "$(image_name broker)")
  eventually 60 "another broker is healthy" healthy "$first"
  altered "${PROJECT}_bad" trust true
  says_in "container:$first" "a port that is in use, for a broker" 'the port of the listener in .* is in use by another program' broker -v "${PROJECT}_bad:/trust"
  drop
  says_in "container:$first" "a port that is in use, for a link" 'cannot listen on port 8883: Address already in use' link
  drop
  "$ENGINE" rm -f -v "$first" >/dev/null
  with_profile monitoring || return 0
  first=$("$ENGINE" run -d --label "$LABEL" --read-only --tmpfs /tmp --network "$(network)" -v /data "$(image_name monitoring)")
  eventually 60 "another Prometheus is healthy" healthy "$first"
  says_in "container:$first" "a port that is in use, for Prometheus" 'bind: address already in use' monitoring -v /data
  drop
  "$ENGINE" rm -f -v "$first" >/dev/null
  says_in none "an exporter without a broker" 'could not connect to mqtt broker' monitoring -e MUSTER_ROLE=exporter -v "${PROJECT}_bad:/trust"
  drop
}
# says_in NETWORK ...: as says, in another container's network.
says_in() {
  local other=$1
  shift
  network() { printf '%s' "$other"; }
  says "$@"
  network() { "$ENGINE" network ls -q --filter "label=$LABEL" | head -n 1; }
}

OLDER='made by another version of these images (format 0, this one reads 1)'

bad_volumes() {
  local said code=0
  altered "${PROJECT}_bad" trust 'echo 0 >format'
  says "a broker's volume of an older version" "$OLDER" broker -v "${PROJECT}_bad:/trust"
  drop
  altered "${PROJECT}_bad" devices 'echo 0 >format'
  says "the devices' volume of an older version" "$OLDER" edge -v "${PROJECT}_bad:/devices"
  drop
  altered "${PROJECT}_bad" devices 'rm -rf edge/*'
  says "more devices than identities" 'no identity is free: all 0 of kind edge' edge -v "${PROJECT}_bad:/devices"
  drop
  altered "${PROJECT}_bad" keys 'echo 0 >format'
  says "the keys' volume of an older version" "$OLDER" operator -v "${PROJECT}_bad:/keys"
  drop
  said=$("$ENGINE" run --rm --label "$LABEL" --no-healthcheck --read-only --tmpfs /tmp --network none -v "${PROJECT}_bad:/keys" \
    "$(image_name operator)" provision 2 2>&1) || code=$?
  expect "the exit code of provision with keys of an older version" "$code" 1
  grep -q "^muster: the volume at /keys was $OLDER" <<<"$said" || failed "provision with keys of an older version says: $said"
  ok "provision leaves keys of an older version as they are"
}

device_says() { # device_says KIND WHAT PATTERN SHELL_COMMAND
  altered "${PROJECT}_bad" devices "rm -rf $1/*-002 && cd $1/$1-001 && rm -f lock holder && $4"
  says "$2" "$3" "$1" -v "${PROJECT}_bad:/devices"
}

bad_devices() {
  device_says edge "a device without its private key" 'key: cannot read .*edge-001.key' 'rm edge-001.key'
  drop
  device_says edge "a device's key that everybody may read" 'edge-001.key is open to everybody on this machine (mode 0644)' 'chmod 644 edge-001.key'
  "$ENGINE" exec "$container" chmod 600 /devices/edge/edge-001/edge-001.key
  eventually 60 "the device with its key mended is healthy" healthy "$container"
  ok "mended from outside it connects by itself"
  drop
  device_says edge "a device's certificate that has expired" 'edge-001.crt expired at ' 'cp /rules/edge-001.expired.crt edge-001.crt'
  drop
  device_says edge "a device's certificate of another root" 'edge-001.crt was not signed by the CA in ' \
    'cat /rules/foreign.crt >edge-001.crt && cat /rules/foreign.key >edge-001.key'
  drop
  device_says edge "a device that cannot write its data" '/devices/edge/edge-001/data.*Permission denied' 'mkdir -p data && chmod 000 data'
  tries_ever_later '/devices/edge/edge-001/data.*Permission denied'
  drop
}

# What muster-mcu reads is its flash; the certificate beside it is there to be looked at.
new_flash() { # new_flash OPTION...: a shell command
  printf 'muster-mcu-provision --board posix --flash flash.bin --device-id mcu-001 --class cortex-m3 --memory-mb 4 --broker-name broker --root ../../root.menv --firmware factory.bin %s' "$*"
}

bad_microcontrollers() {
  device_says mcu "a microcontroller's certificate that has expired" 'mcu-001.crt expired at ' 'cp /rules/mcu-001.expired.crt mcu-001.crt'
  drop
  device_says mcu "a microcontroller's certificate of another root" 'mcu-001.crt was not signed by the CA in ' 'cat /rules/foreign.crt >mcu-001.crt'
  drop
  device_says mcu "a flash with a certificate of another root" 'flash.bin holds another certificate than mcu-001.crt beside it' \
    "$(new_flash --ca ../../ca.crt --cert /rules/foreign.crt --key /rules/foreign.key)"
  drop
  device_says mcu "a flash without credentials" 'no credentials for TLS' "$(new_flash)"
  tries_ever_later 'no credentials for TLS'
  drop
  device_says mcu "a damaged flash" 'nothing can be started' 'head -c 100000 /dev/zero >flash.bin'
  tries_ever_later 'nothing can be started'
  drop
  device_says mcu "a flash that everybody may read" 'flash.bin, which holds the private key, is open to everybody on this machine (mode 0644)' 'chmod 644 flash.bin'
  "$ENGINE" exec "$container" chmod 600 /devices/mcu/mcu-001/flash.bin
  eventually 60 "the microcontroller with its flash mended is healthy" healthy "$container"
  ok "mended from outside it connects by itself"
  drop
}

# tries_ever_later PATTERN: a dozen seconds after its start, $container has met it after about 0, 1, 4 and 8 s.
tries_ever_later() {
  local count
  sleep 8
  count=$("$ENGINE" logs "$container" 2>&1 | grep -c "$1")
  [ "$count" -le 5 ] || failed "$what: the log says it $count times in a dozen seconds: the attempts do not go apart"
}

bad_links() {
  says "a link that finds no broker" 'nobody:8883 cannot be reached: ' link -e MUSTER_BROKER=nobody
  drop
  container=$(the_one link)
  eventually 30 "the link is healthy" healthy "$container"
  "$ENGINE" stop -t 5 "$BROKER" >/dev/null
  eventually 60 "the link says that its broker is gone" health_says 'the link finds no broker'
  "$ENGINE" start "$BROKER" >/dev/null
  eventually 60 "the link is healthy when its broker is back" healthy "$container"
  ok "the link's health is whether it reaches its broker"
}
