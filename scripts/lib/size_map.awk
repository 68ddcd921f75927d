# Reads a linker map: the bytes that each module puts into .text, .data and .bss. Prints "module text data bss".
function module_of(file) {
  if (file ~ /libboard_lwip/) return "lwip"
  if (file ~ /libboard_mbedtls/) return "mbedtls"
  if (match(file, /libmuster_[a-z_]+\.a/)) return substr(file, RSTART + 10, RLENGTH - 12)
  if (file ~ /tls_stream/) return "tls_stream"
  if (file ~ /board_chip|board_net|bootloader\.elf/) return "board"
  if (file ~ /mps2-an385\/CMakeFiles\//) return "app"
  return "libc"
}
function hex(text,   value, i) {
  value = 0
  text = tolower(substr(text, 3))
  for (i = 1; i <= length(text); ++i) value = value * 16 + index("0123456789abcdef", substr(text, i, 1)) - 1
  return value
}
/^Linker script and memory map/ { on = 1 }
!on { next }
/^\.[A-Za-z_]/ { output = $1 }
/^ \.[A-Za-z_]+[^ ]*$/ { next }  # the name of an input section alone: its place follows on the next line
/^ [.A-Za-z_*]|^ +0x/ {
  for (i = 1; i < NF; ++i) if ($i ~ /^0x/ && $(i + 1) ~ /^0x/) break
  if (i >= NF - 1) next  # no file behind address and size
  size = hex($(i + 1))
  if (size == 0 || (output != ".text" && output != ".data" && output != ".bss" && output != ".ARM.exidx")) next
  module = module_of($(i + 2))
  column = output == ".data" ? "data" : output == ".bss" ? "bss" : "text"
  bytes[module, column] += size
  seen[module] = 1
}
END { for (module in seen) print module, bytes[module, "text"] + 0, bytes[module, "data"] + 0, bytes[module, "bss"] + 0 }
