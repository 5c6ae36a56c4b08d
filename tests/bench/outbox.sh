#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What it takes to look at an outbox of a million and of ten million rows of which nothing is due,
# on a private PostgreSQL 15; prints a Markdown table.
#
#   outbox.sh [--runs N]      5 looks at each unless said
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

if [ -z "${PGC_TEST_CLUSTER-}" ]; then
  runs=5
  if [ $# -gt 0 ]; then
    [[ $1 == --runs && ${2-} =~ ^[1-9][0-9]?$ && $# -eq 2 ]] ||
      { echo "dev: bench outbox takes --runs N and nothing else" >&2; exit 64; }
    runs=$2
  fi
  export PGC_TEST_PGCONF="shared_buffers = 1GB
max_wal_size = 8GB"
  exec tests/support/with_postgres.sh 15 tests/bench/outbox.sh "$runs"
fi

runs=$1
settings=$(mktemp "$PGC_TEST_CLUSTER/outbox.XXXXXX.toml")
cat >"$settings" <<END
[database]
dsn = "host=$PGHOST port=$PGPORT user=postgres dbname=postgres"
statement_timeout = "60s"
[lease]
enabled = false
[journal]
table = ""
[[outbox]]
table = "public.event_outbox"
pending = "dispatched_at IS NULL AND available_at <> 'infinity'"
[outbox.done]
where = "dispatched_at IS NOT NULL"
since = "dispatched_at"
[outbox.dead]
where = "dispatched_at IS NULL AND available_at = 'infinity'"
since = "created_at"
END

# The control plane's, with one row in a thousand pending and one in ten thousand dead.
psql -Xq <<'END'
SET client_min_messages = error;
CREATE TABLE event_outbox (
  id text PRIMARY KEY, stream_name text NOT NULL, payload_json jsonb NOT NULL,
  attempts integer NOT NULL DEFAULT 0, available_at timestamptz NOT NULL DEFAULT now(),
  locked_until timestamptz, locked_by text, last_error text, dispatched_at timestamptz,
  request_id text, created_at timestamptz NOT NULL DEFAULT now());
CREATE INDEX event_outbox_available ON event_outbox (available_at) WHERE dispatched_at IS NULL;
CREATE INDEX event_outbox_created ON event_outbox (created_at) WHERE dispatched_at IS NULL;
END

milliseconds() { date +%s%N | cut -c1-13; }

# Milliseconds that `plan` takes from start to end, the median.
look() {
  local i start times=()
  for ((i = 0; i < runs; i++)); do
    start=$(milliseconds)
    build/release/daemon/pgcaretaker plan --config "$settings" "$@" >"$settings.out" ||
      { cat "$settings.out" >&2; exit 1; }
    times+=($(($(milliseconds) - start)))
  done
  printf '%s\n' "${times[@]}" | sort -n | sed -n "$(((runs + 1) / 2))p"
}

filled=0
fill() {
  psql -Xq <<END
INSERT INTO event_outbox (id, stream_name, payload_json, available_at, dispatched_at, created_at)
SELECT 'event-' || g, 'audit', '{"kind": "policy.changed", "version": 17}',
       CASE WHEN g % 10000 = 0 THEN 'infinity' ELSE now() - interval '1 day' END,
       CASE WHEN g % 1000 <> 0 THEN now() - interval '1 day' END, now() - interval '1 day'
  FROM generate_series($filled + 1, $1) AS g;
VACUUM ANALYZE event_outbox
END
  filled=$1
}

echo "| rows | plan, median of $runs | of that: the outbox |"
echo '|---|---|---|'
bare=$(look --task saturation)
for rows in 1000000 10000000; do
  fill "$rows"
  all=$(look --task outbox)
  printf '| %s | %s ms | %s ms |\n' "$rows" "$all" "$((all - bare))"
done
