# shellcheck shell=bash
# scripts/fleet --check-bad-input: what the images' containers say of keys, certificates, ports and volumes that are wrong: one clear
# sentence in the log, the same from the health check, and no restart. Sourced after fleet_checks.sh.

LABEL="com.docker.compose.project=$PROJECT"

check_bad_input() {
  IDENTITIES=2
  EDGES=1 MCUS=1
  heading "Bad input"
  compose up -d --no-build --scale edge=0 --scale mcu=0 provision broker link
  eventually 60 "the broker's container" has_broker
  eventually 120 "the broker is healthy" healthy "$BROKER"
  make_bad_certificates
  bad_broker_trust
  bad_port
  bad_volumes
  bad_devices
  step_done
}

# altered NAME VOLUME SHELL_COMMAND: a copy of a volume of this project as a volume NAME, and what is wrong with it.
altered() {
  "$ENGINE" volume rm -f "$1" >/dev/null 2>&1 || true
  "$ENGINE" volume create --label "$LABEL" "$1" >/dev/null
  "$ENGINE" run --rm --network none -v "${PROJECT}_$2:/devices:ro" -v "$1:/work" -v "$STATE/bad:/rules:ro" --entrypoint /bin/sh \
    "$(image_name operator)" -c "cp -a /devices/. /work/ && cd /work && $3" || failed "could not make the volume $1"
}

# says WHAT PATTERN IMAGE [OPTION...]: starts a container of IMAGE and checks what it says; leaves it in $container.
says() {
  local what=$1 pattern=$2 image=$3 sentence count
  shift 3
  [ "$image" != broker ] || set -- "$@" -v /data
  container=$("$ENGINE" run -d --label "$LABEL" --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges \
    --network "$(network)" "$@" "$(image_name "$image")") || failed "$what: the container does not start"
  eventually 60 "$what: a sentence in the log like '$pattern'; the log has: $("$ENGINE" logs "$container" 2>&1 | tail -n 2)" log_says "$pattern"
  # The program that fails has to end before its container knows.
  eventually 20 "$what: the same sentence from the health check" health_says "$pattern"
  if [ "$ENGINE" = podman ] && podman healthcheck run "$container" >/dev/null 2>&1; then failed "$what: the engine's health check passes"; fi
  sleep 3
  expect "$what: the container's state" "$("$ENGINE" inspect --format '{{.State.Status}} {{.RestartCount}}' "$container")" "running 0"
  count=$("$ENGINE" logs "$container" 2>&1 | grep -c "$pattern")
  [ "$count" -le 8 ] || failed "$what: the log says it $count times in a few seconds"
  ok "$what"
  note "  ${DIM}$sentence${PLAIN}"
}
health_says() {
  sentence=$("$ENGINE" exec "$container" /usr/lib/muster/health) && return 1
  grep -q "$1" <<<"$sentence"
}
log_says() { "$ENGINE" logs "$container" 2>&1 | grep -q "$1"; }
drop() { "$ENGINE" rm -f -v "$container" >/dev/null; }

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

bad_port() {
  local first
  first=$("$ENGINE" run -d --label "$LABEL" --read-only --tmpfs /tmp --network "$(network)" -v "${PROJECT}_trust:/trust:ro" -v /data "$(image_name broker)")
  eventually 60 "another broker is healthy" healthy "$first"
  altered "${PROJECT}_bad" trust true
  container=''
  says_in "container:$first" "a port that is in use" 'the port of the listener in .* is in use by another program' broker -v "${PROJECT}_bad:/trust"
  drop
  "$ENGINE" rm -f -v "$first" >/dev/null
}
# says_in NETWORK ...: as says, in another container's network.
says_in() {
  local other=$1
  shift
  network() { printf '%s' "$other"; }
  says "$@"
  network() { "$ENGINE" network ls -q --filter "label=$LABEL" | head -n 1; }
}

bad_volumes() {
  altered "${PROJECT}_bad" trust 'echo 0 >format'
  says "a broker's volume of an older version" 'made by another version of these images (format 0, this one reads 1)' broker -v "${PROJECT}_bad:/trust"
  drop
  altered "${PROJECT}_bad" devices 'echo 0 >format'
  says "the devices' volume of an older version" 'made by another version of these images (format 0, this one reads 1)' edge -v "${PROJECT}_bad:/devices"
  drop
  altered "${PROJECT}_bad" devices 'rm -rf edge/*'
  says "more devices than identities" 'no identity is free: all 0 of kind edge' edge -v "${PROJECT}_bad:/devices"
  drop
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
  device_says mcu "a microcontroller's certificate that has expired" 'mcu-001.crt expired at ' 'cp /rules/mcu-001.expired.crt mcu-001.crt'
  drop
  device_says mcu "a microcontroller's certificate of another root" 'mcu-001.crt was not signed by the CA in ' 'cat /rules/foreign.crt >mcu-001.crt'
  drop
}
