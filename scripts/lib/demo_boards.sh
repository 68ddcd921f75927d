# shellcheck shell=bash
# The demo's two boards: a Cortex-M3 each, in QEMU, with the real bootloader and firmware. Sourced by scripts/demo after demo_world.sh
# and demo_steps.sh. REQUIRES: MCU (build/mcu), and the variables of demo_world.sh.

BOARDS=(board-1 board-2)

make_boards() {
  local board
  for board in "${BOARDS[@]}"; do
    mkdir -p "$STATE/boards/$board"
    ctl_quiet cert device "$board" --ca "$STATE/keys" --out "$STATE/boards/$board/$board"
    "$BUILD/bin/muster-mcu-provision" --flash "$STATE/boards/$board/flash.bin" --device-id "$board" --class cortex-m3 --region us \
      --memory-mb 4 --root "$STATE/keys/root.menv" --ca "$STATE/keys/ca.crt" --cert "$STATE/boards/$board/$board.crt" \
      --key "$STATE/boards/$board/$board.key" --firmware "$MCU/firmware-a.bin" >/dev/null || failed "provisioning $board"
  done
}

# start_board NAME PORT: power on, with a way to the broker at that port.
start_board() {
  local folder="$STATE/boards/$1"
  start "boards/$1/qemu" "$folder/qemu.log" qemu-system-arm -M mps2-an385,memory-backend=flash \
    -object "memory-backend-file,id=flash,size=16M,share=on,mem-path=$folder/flash.bin" -kernel "$MCU/bootloader.elf" \
    -device "loader,addr=0x203fff80,data-len=8,data=$((RANDOM * 32768 + RANDOM))" \
    -nic "user,restrict=on,guestfwd=tcp:10.0.2.100:1883-cmd:$BUILD/bin/muster-mcu-relay $2" \
    -chardev "file,id=console,append=on,path=$folder/console.log" -serial chardev:console -display none -monitor none
}

boards_run() { # boards_run PLANE RELEASE: whether both say so
  local board
  for board in "${BOARDS[@]}"; do
    [ "$(ctl device show "$board" --json 2>/dev/null | jq -r ".planes.$1.release")" = "$2" ] || return 1
  done
}

# prepare_board_release NAME@VERSION PLANE PROBE FILE=SOURCE...: builds, signs, publishes.
prepare_board_release() {
  local release=$1 plane=$2 probe=$3 folder="$STATE/sources/$1" names=() pair
  shift 3
  mkdir -p "$folder"
  for pair in "$@"; do
    cp "${pair#*=}" "$folder/${pair%%=*}"
    names+=("${pair%%=*}")
  done
  cat >"$folder/release.yaml" <<EOF
release: $release
plane: $plane
security_version: 1
compatible: { class: [cortex-m3] }
files: [$(IFS=,; echo "${names[*]}")]
probes: [{ exec: $probe }]
EOF
  ctl_quiet release build "$folder/release.yaml" --out "$STATE/releases"
  ctl_quiet release sign "$STATE/releases/$release" --key "$STATE/keys/release.key"
  ctl_quiet release publish "$STATE/releases/$release" --root "$STATE/keys/root.menv" --reason "for the demo"
}

prepare_firmware() { # prepare_firmware VERSION IMAGE
  prepare_board_release "fw@$1" firmware sensor "slot_a.bin=$MCU/$2-a.bin" "slot_b.bin=$MCU/$2-b.bin"
}

# start_board_rollout NAME VERSIONS
start_board_rollout() {
  cat >"$STATE/$1.yaml" <<EOF
rollout: $1
seed: 7
targets: device.class == "cortex-m3"
versions: $2
waves: [{ name: all, percent: 100, soak: 2s }]
halt: { failed_devices: 1 }
EOF
  ctl_quiet rollout start "$STATE/$1.yaml" --reason "the boards"
}

step_boards() {
  heading "(g) Two boards without an operating system, a Cortex-M3 each: firmware and model"
  make_boards
  local board
  for board in "${BOARDS[@]}"; do start_board "$board" "$PORT"; done
  eventually 60 "both boards have reported" devices_are 2 '.connected and .reported and .facts.class == "cortex-m3"'
  ok "two boards booted in QEMU through their bootloader and are connected over TLS, with certificates of their own"
  prepare_firmware 2.0 firmware-2
  "$BUILD/bin/muster-classifier-train" --seed 7 --golden 0 --out "$STATE/motor.mcls" >/dev/null || failed "training the boards' model"
  prepare_board_release motor@1 model model "model.mcls=$STATE/motor.mcls"
  start_board_rollout boards-2 "{ model: motor@1, firmware: fw@2.0 }"
  follow boards-2 completed 120s
  boards_run firmware fw@2.0 && boards_run model motor@1 || failed "the boards do not run what the rollout says"
  eventually 60 "the boards report how well they listen to their motor" devices_are 2 '.connected and .facts.class == "cortex-m3" and .state == "healthy"'
  ok "both run fw@2.0 from slot B and judge vibration with motor@1"

  prepare_firmware 3.0 firmware-hangs
  start_board_rollout boards-3 "{ firmware: fw@3.0 }"
  follow boards-3 halted 120s
  eventually 60 "both boards are back on fw@2.0" boards_run firmware fw@2.0
  local resets
  resets=$(cat "$STATE"/boards/*/console.log | grep -c "reset by watchdog") || failed "no board was reset by its watchdog"
  ok "fw@3.0 hangs at its start: after $resets resets by the watchdog both bootloaders went back to fw@2.0 by themselves"
  step_done
}

# A broker that was stolen with its control key, but without the release key, which is offline.
step_forgery() {
  heading "(h) A stolen broker orders board-2 to take firmware that nobody trusted has signed"
  stop_process boards/board-2/qemu
  local port=$((PORT + 1)) said
  while port_is_taken "$port"; do port=$((port + 1)); done
  mkdir -p "$STATE/stolen"
  cat >"$STATE/stolen/mosquitto.conf" <<EOF
listener $port 127.0.0.1
cafile $STATE/keys/ca.crt
certfile $STATE/keys/broker.crt
keyfile $STATE/keys/broker.key
require_certificate true
use_identity_as_username true
allow_anonymous false
user $(id -un)
log_dest stderr
EOF
  start stolen/mosquitto "$STATE/stolen/mosquitto.log" mosquitto -c "$STATE/stolen/mosquitto.conf"
  eventually 60 "the stolen broker listens" port_is_taken "$port"
  start_board board-2 "$port"
  said=$("$BUILD/bin/muster-forger" --port "$port" --ca "$STATE/keys/ca.crt" --cert "$STATE/keys/olivia.crt" --key "$STATE/keys/olivia.key" \
    --control-key "$STATE/keys/control.key" --image "$MCU/firmware-hangs-a.bin" --device board-2 2>"$STATE/stolen/forger.log") ||
    failed "the forger says: $(cat "$STATE/stolen/forger.log")"
  ok "board-2 fetched the manifest and refused: $said"
  stop_process boards/board-2/qemu
  stop_process stolen/mosquitto
  start_board board-2 "$PORT"
  eventually 60 "board-2 is back at its own broker" devices_are 2 '.connected and .facts.class == "cortex-m3"'
  boards_run firmware fw@2.0 || failed "board-2 runs something else than fw@2.0"
  ok "back at its own broker it still runs fw@2.0"
  step_done
}
