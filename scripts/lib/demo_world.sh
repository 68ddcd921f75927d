# shellcheck shell=bash
# The demo's world: keys, releases, a broker, ten devices with their readers. Sourced by scripts/demo.
# REQUIRES: TREE, BUILD (build/dev), STATE, SOCKETS.

TESSDATA=${TESSDATA:-/usr/share/tesseract-ocr/5/tessdata}
REGIONS=(us de)
PER_REGION=5
DEVICES=()
for region in "${REGIONS[@]}"; do
  for ((i = 1; i <= PER_REGION; ++i)); do DEVICES+=("$region-$i"); done
done
PATH=$PATH:/usr/sbin  # where Debian has mosquitto; not in everybody's path

ctl() { "$BUILD/bin/musterctl" "$@"; }
# ctl_quiet: a command whose words are of interest only when it fails.
ctl_quiet() {
  local said
  said=$(ctl "$@" 2>&1) || failed "musterctl $*: $said"
}

# --- trust ---

make_keys() {
  ctl_quiet keys init "$STATE/keys"
  ctl_quiet cert server localhost --alt 127.0.0.1 --ca "$STATE/keys" --out "$STATE/keys/broker"
  ctl_quiet cert operator olivia --ca "$STATE/keys" --out "$STATE/keys/olivia"
  local device
  for device in "${DEVICES[@]}"; do
    mkdir -p "$STATE/devices/$device"
    ctl_quiet cert device "$device" --ca "$STATE/keys" --out "$STATE/devices/$device/$device"
  done
}

# What musterctl needs to know to speak with this broker, for this script and, with --keep, for a person.
operator_environment() {
  printf 'export MUSTER_HOST=127.0.0.1 MUSTER_PORT=%s MUSTER_CA=%q MUSTER_CERT=%q MUSTER_KEY=%q MUSTER_ROOT=%q\n' \
    "$PORT" "$STATE/keys/ca.crt" "$STATE/keys/olivia.crt" "$STATE/keys/olivia.key" "$STATE/keys/root.menv"
}

# --- releases ---

# measure FOLDER REGION: what the reader makes of the labels of REGION with the model in FOLDER: the evidence beside a release.
measure() { "$BUILD/bin/muster-reader" --once --model-dir "$1" --labels "$STATE/labels/$2"; }

# prepare_release FILE NAME@VERSION LANGUAGE REGION [BYTES]: lays the release's files together, Debian's model of LANGUAGE (cut to
# BYTES) and the labels of REGION with what it makes of them; builds, signs, publishes.
prepare_release() {
  local file=$1 release=$2 language=$3 region=$4 folder="$STATE/sources/$1"
  mkdir -p "$folder/golden"
  cp "$TREE/examples/demo/releases/$file.yaml" "$folder/release.yaml"
  head -c "${5:-1000000000}" "$TESSDATA/$language.traineddata" >"$folder/$language.traineddata"
  cp "$STATE/labels/$region"/* "$folder/golden/"
  [ -n "${5:-}" ] || measure "$folder" "$region" >"$folder/quality.json" || failed "measuring the model of $release"
  ctl_quiet release build "$folder/release.yaml" --out "$STATE/releases"
  ctl_quiet release sign "$STATE/releases/$release" --key "$STATE/keys/release.key"
  ctl_quiet release publish "$STATE/releases/$release" --root "$STATE/keys/root.menv" --reason "for the demo"
}

make_labels() {
  local region
  for region in "${REGIONS[@]}"; do
    "$BUILD/bin/label-maker" --region "$region" --out "$STATE/labels/$region" || failed "making the labels of $region"
  done
  mkdir -p "$STATE/sources/eng"
  cp "$TESSDATA/eng.traineddata" "$STATE/sources/eng/" || failed "the package tesseract-ocr-eng is missing: run scripts/bootstrap"
}

# --- broker ---

port_is_taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

choose_port() {
  local tries
  for ((tries = 0; tries < 50; ++tries)); do
    PORT=$((20000 + RANDOM % 10000))
    port_is_taken "$PORT" || return 0
  done
  failed "no free port between 20000 and 29999 on the loopback"
}

# write_broker_config CHUNK_BYTES_PER_S: what each device may download a second; 0: as fast as it goes.
write_broker_config() {
  mkdir -p "$STATE/broker"
  cat >"$STATE/broker/mosquitto.conf" <<EOF
per_listener_settings false
listener $PORT 127.0.0.1
cafile $STATE/keys/ca.crt
certfile $STATE/keys/broker.crt
keyfile $STATE/keys/broker.key
require_certificate true
use_identity_as_username true
allow_anonymous false
check_retain_source false
persistence false
set_tcp_nodelay true
max_queued_messages 100000
log_dest stderr
log_timestamp_format %Y-%m-%dT%H:%M:%S
user $(id -un)
plugin $PLUGIN
plugin_opt_config $STATE/broker/muster.yaml
EOF
  cat >"$STATE/broker/muster.yaml" <<EOF
data_dir: $STATE/broker/data
control_key: $STATE/keys/control.key
root_chain: $STATE/keys/root-chain.mrch
operators:
  olivia: [view, operate, approve]
limits: { chunk_bytes_per_s: $1 }
EOF
}

start_broker() { start broker/mosquitto "$STATE/broker/mosquitto.log" mosquitto -c "$STATE/broker/mosquitto.conf"; }

broker_answers() {
  runs broker/mosquitto || failed "the broker ended by itself"
  ctl rollout list --json >/dev/null 2>"$STATE/broker/answer.log"
}

# The first start: another program may take the port between the choice and the bind.
first_start_broker() {
  local tries
  for ((tries = 0; tries < 5; ++tries)); do
    choose_port
    write_broker_config 0
    start_broker
    until port_is_taken "$PORT" || gone broker/mosquitto; do sleep 0.1; done
    if runs broker/mosquitto; then break; fi
    grep -q 'Address already in use' "$STATE/broker/mosquitto.log" || failed "the broker does not start"
  done
  eval "$(operator_environment)"
  eventually 60 "the broker answers musterctl" broker_answers
}

# --- devices ---

write_device_config() {
  local device=$1 region=${1%-*} folder="$STATE/devices/$1"
  local workload="$TREE/examples/demo/workload"
  cat >"$folder/muster-edge.yaml" <<EOF
device_id: $device
broker: { host: 127.0.0.1, port: $PORT, ca: $STATE/keys/ca.crt, cert: $device.crt, key: $device.key, keepalive: 30s }
data_dir: data
root: $STATE/keys/root.menv
facts: { class: edge-box, region: $region, site: plant-$region, customer: demo, os_version: "12", memory_mb: 2048 }
statsd_socket: $SOCKETS/$device
health_interval: 2s
backoff: { first: 200ms, max: 2s }
planes:
  model:  { installer: slot, notify: ["$workload", "$folder", reload] }
  config: { installer: slot }
probes: { golden-replay: ["$BUILD/bin/reader-probe", --labels, "$STATE/labels/$region"] }
workload:
  restart:  ["$workload", "$folder", restart]
  degraded: ["$workload", "$folder", degraded]
  normal:   ["$workload", "$folder", normal]
EOF
  cat >"$folder/workload.env" <<EOF
PROGRAM='$BUILD/bin/muster-reader'
ARGUMENTS='--labels $STATE/labels/$region --statsd $SOCKETS/$device --interval 1s'
EOF
}

start_agent() { start "devices/$1/edge" "$STATE/devices/$1/edge.log" "$BUILD/bin/muster-edge" --config "$STATE/devices/$1/muster-edge.yaml"; }
start_reader() { "$TREE/examples/demo/workload" "$STATE/devices/$1" start; }

start_devices() {
  local device
  for device in "${DEVICES[@]}"; do
    write_device_config "$device"
    start_agent "$device"
    start_reader "$device"
  done
  eventually 60 "all ten devices have reported to the broker" \
    devices_are 10 '.connected and .reported'
}

# devices_are COUNT FILTER: whether so many devices are as the jq FILTER says.
devices_are() {
  local found
  found=$(ctl device list --json 2>/dev/null | jq "[.devices[] | select($2)] | length") || return 1
  [ "$found" = "$1" ]
}

device_field() { ctl device show "$1" --json | jq -r "$2"; }
rollout_field() { ctl rollout status "$1" --json | jq -r "$2"; }
manifest_of() { jq -r .manifest <<<"$(ctl release show "$1" --json)"; }
