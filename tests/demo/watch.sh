#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The demo from the inside, run by demo.sh within with_postgres.sh: schema, traffic, daemon, and
# what happens, in words.
#
#   watch.sh OWNER_PID SECONDS CHECK
set -euo pipefail
owner=$1 seconds=$2 check=$3
binary=${PGCARETAKER_BINARY:-build/release/daemon/pgcaretaker}

folder=$PGC_TEST_CLUSTER/demo
log=$folder/daemon.log
mkdir -p "$folder"
stopping=no serving=no daemon='' traffic='' status=0
trap 'stopping=yes' TERM INT HUP

cat >build/demo.env.new <<END
demo_pid=$$
PGHOST=$PGHOST
PGPORT=$PGPORT
export PGHOST PGPORT PGUSER=postgres PGDATABASE=controlplane
END
mv build/demo.env.new build/demo.env

# Ends what we started, by pid, the daemon first: its exit status is part of the demo.
end() {
  trap '' TERM INT HUP
  local daemon_status=0
  if [ -n "$daemon" ]; then
    kill -TERM "$daemon" 2>/dev/null || true
    wait "$daemon" || daemon_status=$?
    # Stopped in its first milliseconds it had no time to take notice of signals.
    [ "$serving$daemon_status" != no143 ] || daemon_status=0
    if [ "$daemon_status" != 0 ]; then
      printf '%s\n' "the daemon ended with status $daemon_status; its last lines:" >&2
      tail -n 20 "$log" >&2
      status=1
    fi
  fi
  if [ -n "$traffic" ]; then
    kill -TERM "$traffic" 2>/dev/null || true
    wait "$traffic" || true
  fi
  rm -f build/demo.env
  exit "$status"
}
trap 'status=$?; end' EXIT

tell() { printf '%s  %s\n' "$(date +%H:%M:%S)" "$*"; }
sql() { psql -XqAt -v ON_ERROR_STOP=1 "$@"; }

tests/demo/prepare.sh
export PGDATABASE=controlplane

tests/demo/traffic.sh >"$folder/traffic.log" 2>&1 &
traffic=$!

# The usual port when nobody has it, so that what the docs say works here too.
port=$(python3 - <<'END'
import socket
for wanted in (9791, 0):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            continue
        print(probe.getsockname()[1])
        break
END
)
url=http://127.0.0.1:$port
"$binary" run -c tests/demo/demo.toml --set "http.listen=127.0.0.1:$port" \
  >"$log" 2>&1 &
daemon=$!
until curl -fsS -o /dev/null "$url/health" 2>/dev/null; do
  kill -0 "$daemon" 2>/dev/null || exit 1
  [ "$stopping" = no ] || exit 0
  sleep 0.1
done
serving=yes

cat <<END

  page       $url/
  metrics    $url/metrics
  status     $url/status
  database   ./dev shell   or   psql -h $PGHOST -p $PGPORT -U postgres controlplane
  log        $log

  Ctrl-C ends it and removes everything.

END

declare -A seen=([created]=no [dropped]=no [swept]=no [filled]=no)
all_seen() { [[ " ${seen[*]} " != *" no "* ]]; }

# One finished row that we watch by name, among the hundreds of the traffic.
watched="finished-row-$$"
sql -c "INSERT INTO event_outbox (id, stream_name, payload_json, dispatched_at)
        VALUES ('$watched', 'grants', '{}', now())"
tell "event_outbox: the finished row $watched is there; finished rows are kept for 10 s"

metric() { awk -v series="$1" '$1 == series { print $2 }' <<<"$metrics"; }

look_at_partitions() {
  local now name
  now=$(sql -c "SELECT inhrelid::regclass FROM pg_inherits
                WHERE inhparent = 'audit_events'::regclass AND NOT inhdetachpending ORDER BY 1")
  for name in $now; do
    [[ " $partitions " == *" $name "* ]] && continue
    tell "audit_events: partition $name was created"
    seen[created]=yes
  done
  for name in $partitions; do
    [[ $'\n'$now$'\n' == *$'\n'"$name"$'\n'* ]] && continue
    tell "audit_events: partition $name was older than a year and is gone"
    seen[dropped]=yes
  done
  partitions=${now//$'\n'/ }
}

look_at_outbox() {
  [ "${seen[swept]}" = no ] || return 0
  [ "$(sql -c "SELECT count(*) FROM event_outbox WHERE id = '$watched'")" = 0 ] || return 0
  tell "event_outbox: the finished row $watched was swept away"
  seen[swept]=yes
}

look_at_pool() {
  local now words=([0]=ok [1]=warn [2]=critical) share
  now=$(metric 'pgcaretaker_pool_level{pool="gateway"}')
  # NaN until the pool has been looked at.
  [[ $now =~ ^[0-2]$ ]] && [ "$now" != "$level" ] || return 0
  share=$(metric 'pgcaretaker_pool_saturation_ratio{pool="gateway"}')
  share=$(awk -v share="${share:-0}" 'BEGIN { printf "%.0f", share * 100 }')
  tell "pool gateway: level is now ${words[now]}, $share % of its connections are taken"
  [ "$now" = 0 ] || seen[filled]=yes
  level=$now
}

look_at_totals() {
  local table state line=''
  for table in event_outbox caracal_outbox; do
    line+="  $table:"
    for state in pending "done" dead; do
      line+=" $(metric "pgcaretaker_outbox_rows{state=\"$state\",table=\"public.$table\"}") $state,"
    done
    line=${line%,}
  done
  tell "so far $(sql -c 'SELECT count(*) FROM audit_events') audit events;$line"
}

partitions='audit_events_default'
for month in now '2 years ago'; do
  partitions+=" audit_events_y$(date -u -d "$month" +%Ym%m)"
done
level=0 tick=0
while [ "$stopping" = no ]; do
  if ! kill -0 "$daemon" 2>/dev/null; then
    tell "the daemon ended by itself" >&2
    exit 1
  fi
  # Gone without a word: the terminal was closed, or somebody used kill -9.
  kill -0 "$owner" 2>/dev/null || exit 0
  metrics=$(curl -fsS "$url/metrics") || metrics=''
  look_at_partitions
  look_at_outbox
  look_at_pool
  [ $((++tick % 15)) -ne 0 ] || look_at_totals
  if [ "$check" = yes ] && all_seen; then
    break
  fi
  if [ "$seconds" != 0 ] && [ "$SECONDS" -ge "$seconds" ]; then
    break
  fi
  sleep 1
done

if [ "$check" = yes ] && ! all_seen; then
  for what in "${!seen[@]}"; do
    [ "${seen[$what]}" = yes ] || tell "not seen in time: $what" >&2
  done
  exit 1
fi
[ "$check" = no ] ||
  tell "check passed: partitions came and went, an outbox row was swept, a pool filled"
