# shellcheck shell=sh
# What the containers of devices share: which device a container is, and how its power is cut in a storm. Sourced after common.sh.
#
# Replicas of one service have one configuration, so a container takes an identity that provision has laid ready: a folder with the
# certificate, the configuration and everything the device ever stores. It holds a lock on that folder for as long as it lives, so
# no two containers are ever the same device, and the kernel gives the lock back however the container ends. The state goes with
# the identity, not with the container, so that whoever takes it next goes on where the device stood. A container that comes back
# prefers what it had; then what nobody ever had; and only when there is nothing else what another one has left.

STORM=/weather/storm

# claim_identity KIND: sets DEVICE and FOLDER.
claim_identity() {
  local kind=$1 own pass folder
  own=$(hostname)
  volume_is_ours /devices || return 1
  for pass in mine fresh left; do
    for folder in /devices/"$kind"/*/; do
      folder=${folder%/}
      [ -e "$folder/ready" ] || continue
      case "$pass" in
        mine) [ "$(cat "$folder/holder" 2>/dev/null)" = "$own" ] || continue ;;
        fresh) [ ! -e "$folder/holder" ] || continue ;;
      esac
      exec 9>>"$folder/lock"
      if flock --nonblock 9; then
        echo "$own" >"$folder/holder"
        FOLDER=$folder
        DEVICE=${folder##*/}
        say "this container is the device $DEVICE"
        return 0
      fi
      exec 9>&-
    done
  done
  trouble "no identity is free: all $(find "/devices/$kind" -name ready | wc -l) of kind $kind are held by running containers; make more with MUSTER_IDENTITIES=N docker compose up provision"
  return 1
}

# While there is a storm, now and then pulls the plug of this device: the program in $STATE/child dies at once, whatever it is doing.
# When, the storm's seed and the device's name alone decide.
cut_power_in_storms() {
  local tick=0 seed dice
  while sleep 5; do
    seed=$(find "$STORM" -newermt '-10 seconds' -exec cat {} + 2>/dev/null) || continue
    [ -n "$seed" ] || continue
    tick=$((tick + 1))
    dice=$(printf '%s %s %s' "$seed" "$DEVICE" "$tick" | cksum)
    dice=$((${dice%% *} % 100))
    if [ "$dice" -lt 4 ] && [ -s "$STATE/child" ]; then
      say "the storm cuts the power of $DEVICE"
      kill -KILL "$(cat "$STATE/child")" 2>/dev/null || true
    fi
  done
}
