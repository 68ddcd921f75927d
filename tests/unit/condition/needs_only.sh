#!/bin/sh
# needs_only.sh NM OBJECTS: fails when the objects (separated by ';') need more from outside than a C library's memory
# functions, each other, and the linker's own symbols.
nm=$1
IFS=';'
needed=$("$nm" --undefined-only --demangle $2 | sed -n 's/^ *U //p' | sort -u)
unset IFS
extra=$(printf '%s\n' "$needed" | grep -vxE 'memcmp|memcpy|memset|memmove|_GLOBAL_OFFSET_TABLE_|muster::rules::.*' || true)
if [ -n "$extra" ]; then
  echo "the evaluator for microcontrollers needs: $extra"
  exit 1
fi
[ -n "$needed" ] || { echo "no symbols found: is nm the right one?"; exit 1; }
