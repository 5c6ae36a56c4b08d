#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs one ready-made checker over the tree; a missing tool is a failure that names its package.
#
#   check.sh format|shell|prometheus|unit_file
#   check.sh clang_tidy BUILD      with BUILD/compile_commands.json
set -euo pipefail
cd "$(dirname "$0")/../.."

need() {
  command -v "$1" >/dev/null && return
  echo "check.sh: $1 is missing: run  apt-get install $2" >&2
  exit 1
}

# files PATTERN [PATTERN]: what git knows or would take; without git what lies there.
files() {
  git -c safe.directory='*' ls-files --cached --others --exclude-standard -- "$@" 2>/dev/null ||
    find . -path "./$1" -o -path "./${2:-$1}" | sed 's|^\./||'
}

# present: those of the paths on standard input that exist (git also lists what was just removed).
present() {
  while read -r path; do
    if [ -f "$path" ]; then echo "$path"; fi
  done
}

format() {
  need clang-format-14 clang-format-14
  files 'daemon/*.[ch]pp' 'tests/*.[ch]pp' | present |
    xargs clang-format-14 --dry-run -Werror
}

shell() {
  need shellcheck shellcheck
  { echo dev; echo .ci/run; files '*.sh'; } | sort -u | present |
    xargs shellcheck --external-sources
}

prometheus() {
  need promtool prometheus
  cd config/prometheus
  promtool check config prometheus.yml
  promtool check rules alerts.yml
  promtool test rules ./*_test.yml
}

# The unit as after installation: a stand-in for the binary, everything else real.
unit_file() {
  need systemd-analyze systemd
  root=$(mktemp -d "${TMPDIR:-/tmp}/pgcaretaker-unit.XXXXXX")
  trap 'rm -rf "$root"' EXIT
  cp systemd/pgcaretaker.service "$root/"
  binary=$(sed -n 's/^ExecStart=[-@:+!]*\([^ ]*\).*/\1/p' systemd/pgcaretaker.service | head -1)
  sed -i "s|$binary|/bin/true|g" "$root/pgcaretaker.service"
  said=$(SYSTEMD_LOG_LEVEL=warning systemd-analyze verify --man=no "$root/pgcaretaker.service" \
    2>&1) || { echo "$said" >&2; exit 1; }
  # Other units of this machine are not ours to judge.
  if grep -F pgcaretaker.service <<<"$said" >&2; then exit 1; fi
  # The threshold is in tenths: 2.0.
  systemd-analyze security --offline=true --threshold=20 --no-pager "$root/pgcaretaker.service" |
    tail -n 1
}

# Pure code only: quick to parse, and where a wrong sign hides best.
clang_tidy() {
  need clang-tidy-14 clang-tidy-14
  build=$1
  if [ ! -f "$build/compile_commands.json" ]; then
    echo "check.sh: no $build/compile_commands.json: run  ./dev build" >&2
    exit 1
  fi
  python3 tests/lint/clang_tidy.py "$build" "$build/clang_tidy"
}

case ${1:-} in
  format | shell | prometheus | unit_file) "$1" ;;
  clang_tidy) clang_tidy "${2:?the build folder}" ;;
  *) sed -n '5,6s/^# *//p' "$0" >&2; exit 64 ;;
esac
