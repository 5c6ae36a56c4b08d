#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The demo from the outside: starts it in a private PostgreSQL, ends it on a signal, sees that
# nothing is left.
#
#   demo.sh SECONDS CHECK
#
# Ends by itself after SECONDS, or never when that is 0. CHECK is yes or no: yes ends it as soon as
# everything promised was seen, and makes the exit status tell whether it was.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
seconds=$1 check=$2

# Written by watch.sh, read by ./dev shell; the demo runs while it exists.
env_file=build/demo.env
running_pid() { sed -n 's/^demo_pid=//p' "$env_file" 2>/dev/null || true; }
pid=$(running_pid)
if [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null; then
  echo "dev: a demo is running already (process $pid): look at it with  ./dev shell  or end it" >&2
  exit 1
fi
mkdir -p build
rm -f "$env_file"

# A session of its own, so that Ctrl-C reaches this script only, and everything else ends in order.
PGC_TEST_PGCONF="timezone = 'UTC'
datestyle = 'ISO'" setsid tests/support/with_postgres.sh 15 \
  tests/demo/watch.sh "$$" "$seconds" "$check" </dev/null &
server=$!

# shellcheck disable=SC2317  # called by the trap
stop() {
  trap '' TERM INT HUP
  printf '\nstopping: this takes a moment\n'
  until [ -s "$env_file" ] || ! kill -0 "$server" 2>/dev/null; do sleep 0.1; done
  pid=$(running_pid)
  [ -z "$pid" ] || kill -TERM "$pid" 2>/dev/null || true
}
trap stop TERM INT HUP

status=0
folder=
# A signal ends `wait` early; the server's own end is what counts.
while kill -0 "$server" 2>/dev/null; do
  [ -n "$folder" ] || folder=$(sed -n 's/^PGHOST=//p' "$env_file" 2>/dev/null || true)
  sleep 0.2 &
  wait $! || true
done
wait "$server" || status=$?

# Nothing may be left: no folder, no process that was started for it.
if [ -n "$folder" ]; then
  if [ -e "$folder" ]; then
    printf '%s\n' "left behind: $folder" >&2
    status=1
  fi
  if pgrep -af -- "$folder" >&2; then
    printf '%s\n' "left behind: the processes above" >&2
    status=1
  fi
fi
if [ -e "$env_file" ]; then
  printf '%s\n' "left behind: $env_file" >&2
  status=1
fi
[ "$status" != 0 ] || printf '%s\n' "stopped; nothing is left of it"
exit "$status"
