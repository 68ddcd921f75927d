# shellcheck shell=sh
# What the containers of microcontrollers share, as a process and as a board: what is looked at before the power comes on, and what
# the client's lines mean for the health check. Sourced after device.sh; FLASH is the file that the client starts from.

claim() { claim_identity mcu; }

# A board has no clock, and its log is short: what is wrong with its certificate is seen on the copy that provision left beside the flash.
certificate_is_good() {
  local said
  said=$(musterctl cert check "$FOLDER/$DEVICE.crt" --ca /devices/ca.crt 2>&1) && return 0
  trouble "$DEVICE: ${said#musterctl: }"
  return 1
}

# Whether that copy is what is in the flash.
flash_holds_certificate() {
  sed '/^-----/d' "$FOLDER/$DEVICE.crt" | base64 -d |
    perl -e 'undef $/; my $copy = <STDIN>; open(my $flash, "<:raw", $ARGV[0]) or exit 1; exit(index(<$flash>, $copy) < 0)' "$FLASH"
}

# The device's key is in it.
flash_is_private() {
  local mode
  mode=$(stat -c %a "$FLASH" 2>/dev/null) || return 0
  case "$mode" in *0) return 0 ;; esac
  trouble "$DEVICE: the flash $FLASH, which holds the private key, is open to everybody on this machine (mode 0$mode): chmod 600, and issue a new key if anybody else has been here"
  return 1
}

# hear TEXT: a line of the client's, without its level.
hear() {
  case "$1" in
    connected)
      echo "connected as $DEVICE" >"$CONNECTED"
      well
      ;;
    # mbedTLS's number for a certificate that does not verify. A broker that refuses ours may be gone before its alert is read, so that
    # its other numbers say little.
    'TLS handshake failed: -0x2700') lost "the broker's certificate was not signed by the CA in its flash" ;;
    'TLS handshake failed'*)
      if flash_holds_certificate; then
        lost 'TLS handshake failed: no broker answers, or none that takes its certificate'
      else
        lost "its flash $FLASH holds another certificate than $DEVICE.crt beside it: make the flash anew with muster-mcu-provision"
      fi
      ;;
    # What an attempt failed by has been said already, and says more.
    'connection lost') if [ -e "$CONNECTED" ] || [ ! -s "$TROUBLE" ]; then lost "$1"; fi ;;
  esac
}
lost() {
  rm -f "$CONNECTED"
  trouble "$DEVICE is not connected: $1"
}

# switched_off EXIT_CODE: what is said of it, when nothing better is known.
switched_off() {
  rm -f "$CONNECTED"
  [ "$stopping" = no ] || return 0
  [ -s "$TROUBLE" ] || trouble "$DEVICE lost its power (exit code $1) and is switched on again"
}
