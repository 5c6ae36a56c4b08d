#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Live traffic of a control plane on the database that PG* names, until SIGTERM: each service under
# its own role.
#
# The gateway's pool comes in waves: 9 of its 10 connections for a while, then none.
set -euo pipefail
scripts=$(dirname "${BASH_SOURCE[0]}")/traffic
wave_seconds=12

stop() {
  trap '' TERM
  # shellcheck disable=SC2046  # one word for each of our own children
  kill $(jobs -p) 2>/dev/null || true
  wait
  exit 0
}
trap stop TERM INT HUP

# flow ROLE SCRIPT CLIENTS PGBENCH_OPTION... becomes pgbench: only to be started in the background.
flow() {
  local role=$1 script=$2 clients=$3
  shift 3
  PGUSER=$role exec pgbench -n -f "$scripts/$script.sql" -c "$clients" -j 1 "$@" >/dev/null
}

flow caracalaudit audit 2 -T 864000 -R 20 &
flow caracalapi api 2 -T 864000 -R 10 &
flow caracalcoordinator coordinator 1 -T 864000 -R 5 &
while true; do
  flow caracalgateway gateway 9 -T "$wave_seconds" &
  wait $! || true
  sleep "$wave_seconds" &
  wait $! || true
done
