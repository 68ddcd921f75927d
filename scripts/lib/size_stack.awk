# Reads the names of what an image holds (nm's third column, the first file), then GCC's call graphs (-fcallgraph-info=su):
# the longest chain of frames that begins in each module. Calls through pointers (the port, handlers, mbedTLS's tables) are not in
# it: the board measures those (Port::stack_unused). Prints "module bytes".
function module_of(file) {
  if (file ~ /board_lwip/) return "lwip"
  if (file ~ /board_mbedtls/) return "mbedtls"
  if (match(file, /muster_[a-z_]+\.dir/)) return substr(file, RSTART + 7, RLENGTH - 11)
  if (file ~ /tls_stream/) return "tls_stream"
  return file ~ /board_chip|board_net|bootloader\.elf/ ? "board" : "app"
}
function quoted(line, word,   from, rest) {
  from = index(line, word ": \"")
  if (from == 0) return ""
  rest = substr(line, from + length(word) + 3)
  return substr(rest, 1, index(rest, "\"") - 1)
}
# A cycle counts once: nothing here recurses without a bound that is written beside it.
function depth(name,   i, deepest, found) {
  if (name in known) return known[name]
  if (name in open) return 0
  open[name] = 1
  deepest = 0
  for (i = 1; i <= calls[name]; ++i) {
    found = depth(callee[name, i])
    if (found > deepest) deepest = found
  }
  delete open[name]
  return known[name] = frame[name] + deepest
}
NR == FNR { linked[$3] = 1; next }
/^node:/ {
  title = quoted($0, "title")
  name = title
  sub(/.*:/, "", name)  # a local function's has its file before it
  if ((name in linked) && match($0, /[0-9]+ bytes/)) {
    frame[title] = substr($0, RSTART, RLENGTH - 6) + 0
    home[title] = module_of(FILENAME)
  }
}
/^edge:/ {
  name = quoted($0, "sourcename")
  callee[name, ++calls[name]] = quoted($0, "targetname")
}
END {
  for (title in home) {
    found = depth(title)
    if (found > worst[home[title]]) worst[home[title]] = found
  }
  for (module in worst) print module, worst[module]
}
