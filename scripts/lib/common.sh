# shellcheck shell=bash
# What all scripts share: where the tree is, how they speak, how they fail. Sourced, not run; bash and POSIX tools only, as
# a fresh machine has nothing else.

TREE=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

say() { printf '%s\n' "$*"; }

# die SENTENCE [EXIT_CODE]: says what is wrong and what to do, and ends the script.
die() {
  printf '%s: %s\n' "$(basename "$0")" "$1" >&2
  exit "${2:-1}"
}

have() { command -v "$1" >/dev/null 2>&1; }

# How many compilers run at once.
job_count() { getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2; }

# print_header_comment FILE: the comment that opens a script is its help text.
print_header_comment() { sed -n '2,/^[^#]/{s/^# \{0,1\}//p;}' "$1"; }
