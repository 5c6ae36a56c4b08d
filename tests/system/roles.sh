#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Holds config/roles.sql to its word: both ways give the daemon what it needs, and nothing else.
#
# Runs inside with_postgres.sh; PGCARETAKER_BINARY is the daemon's binary.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

failures=0
problem() {
  printf '%s\n' "FAILED: $way: $*"
  failures=$((failures + 1))
}
sql() { psql -XqAt -v ON_ERROR_STOP=1 "$@"; }

# expect STATUS COMMAND... leaves what it said in $output.
expect() {
  local wanted=$1 got=0
  shift
  output=$("$@" 2>&1) || got=$?
  [ "$got" = "$wanted" ] || problem "status $got instead of $wanted: $*"$'\n'"$output"
}

# answer WANTED SQL: what a superuser reads.
answer() {
  local got
  got=$(sql -c "$2")
  [ "$got" = "$1" ] || problem "'$got' instead of '$1': $2"
}

# refused SQL: the daemon's role, as it logs in, may not do this.
refused() {
  local output
  if output=$(PGUSER=caretaker sql -c "$1" 2>&1); then
    problem "allowed: $1"
  elif [[ $output != *"permission denied"* && $output != *"must be owner"* ]]; then
    problem "refused, but not for want of a right: $1: $output"
  fi
}

allowed() {
  local output
  output=$(PGUSER=caretaker sql -c "$1" 2>&1) || problem "refused: $1: $output"
}

# prepare DATABASE: the schema, with work for every kind of maintenance.
prepare() {
  createdb "$1"
  export PGDATABASE=$1
  sql -o /dev/null -f tests/support/control_plane.sql
  sql -o /dev/null <<'END'
SELECT audit_partition_ensure('2020-02-01');
INSERT INTO audit_events (id, zone_id, event_type, occurred_at)
VALUES ('old', 'z', 'e', '2020-02-29 12:00+00');
INSERT INTO event_outbox (id, stream_name, payload_json, dispatched_at, available_at, created_at)
VALUES
  ('finished long ago', 's', '{}', now() - interval '8 days', now(), now() - interval '9 days'),
  ('finished lately', 's', '{}', now(), now(), now()),
  ('given up long ago', 's', '{}', NULL, 'infinity', now() - interval '40 days'),
  ('waiting', 's', '{}', NULL, now(), now() - interval '40 days');
END
}

# settings PARTITION_LINE DATABASE_LINE
settings() {
  cat <<END
[database]
dsn = "user=caretaker"
$2
[[partition]]
table = "public.audit_events"
interval = "1 month"
retention = "365 days"
retention_query = "SELECT retention_days FROM public.audit_retention WHERE singleton"
expire = "drop"
$1
[[outbox]]
table = "public.event_outbox"
pending = "dispatched_at IS NULL AND available_at <> 'infinity'"
[outbox.done]
where = "dispatched_at IS NOT NULL"
since = "dispatched_at"
keep = "7 days"
[outbox.dead]
where = "dispatched_at IS NULL AND available_at = 'infinity'"
since = "created_at"
keep = "30 days"
action = "delete"
END
}

maintain() {
  expect 2 "$PGCARETAKER_BINARY" plan -c "$1"
  expect 0 "$PGCARETAKER_BINARY" once -c "$1"
  # A missing right may also end as a warning, with success.
  [[ $output != *"permission denied"* ]] || problem "a right is missing: $output"
  expect 0 "$PGCARETAKER_BINARY" plan -c "$1"
  answer 5 "SELECT count(*) FROM pg_inherits WHERE inhparent = 'audit_events'::regclass"
  answer '' "SELECT to_regclass('audit_events_y2020m02')"
  answer 'finished lately,waiting' "SELECT string_agg(id, ',' ORDER BY id) FROM event_outbox"
}

refusals() {
  local table
  for table in zones sessions admin_tokens policy_versions audit_events admin_audit_events \
    audit_export_watermark; do
    refused "SELECT FROM public.$table"
    refused "DELETE FROM public.$table"
  done
  refused "CREATE TABLE public.intruder (x int)"
  refused "DROP TABLE public.audit_events_default"
  refused "CREATE ROLE intruder"
  refused "CREATE TABLE pgcaretaker.intruder (x int)"
  refused "DROP TABLE pgcaretaker.journal"
  refused "DROP SCHEMA pgcaretaker CASCADE"
  allowed "SELECT FROM pgcaretaker.journal"
  # Another session's state is visible: that is what pool checks count.
  answer 0 "SET ROLE caretaker; SELECT count(*) FROM pg_stat_activity WHERE backend_type IS NULL"
}

config=$PGC_TEST_CLUSTER/roles.toml

# load OPTION... FILE: nothing is worth a line of output.
load() {
  local said
  said=$(psql -Xq -v ON_ERROR_STOP=1 -o /dev/null "$@" 2>&1) || problem "not loaded: $*: $said"
  [ -z "$said" ] || problem "said while it was loaded: $*: $said"
}

way='as owner'
prepare as_owner
for _ in 1 2; do
  load -v owner=caracal -f config/roles.sql
  load -v writers=caretaker,caracal -f config/journal.sql
done
settings '' 'role = "caracal"' >"$config"
refusals
refused "SET ROLE caracal; DROP TABLE pgcaretaker.journal"
refused "SET ROLE caracal; CREATE TABLE pgcaretaker.intruder (x int)"
refused "SELECT FROM public.event_outbox"
maintain "$config"
answer caracal "SELECT DISTINCT relowner::regrole FROM pg_inherits JOIN pg_class ON oid = inhrelid
                WHERE inhparent = 'audit_events'::regclass"
answer t "SELECT count(*) > 0 FROM pgcaretaker.journal"

way='installed by an earlier roles.sql'
prepare earlier
sql <<'END'
CREATE SCHEMA pgcaretaker AUTHORIZATION caretaker;
SET ROLE caretaker;
GRANT USAGE, CREATE ON SCHEMA pgcaretaker TO caracal;
END
for _ in 1 2; do
  load -v writers=caretaker,caracal -f config/journal.sql
  load -v owner=caracal -f config/roles.sql
done
refusals
refused "SET ROLE caracal; DROP TABLE pgcaretaker.journal"
refused "SET ROLE caracal; CREATE TABLE pgcaretaker.intruder (x int)"

# The second way must do without what the first one granted.
sql -c 'REVOKE caretaker_as_owner FROM caretaker'
way='owning nothing'
prepare owning_nothing
for _ in 1 2; do
  load -v functions=public.audit_partition_ensure,public.audit_partition_drop \
    -v outboxes=public.event_outbox \
    -v 'readable=public.audit_retention,public.audit_events_default(occurred_at)' \
    -f config/roles.sql
  load -v writers=caretaker -f config/journal.sql
done
settings 'create_function = "public.audit_partition_ensure"
drop_function = "public.audit_partition_drop"' '' >"$config"
refusals
refused "SELECT FROM public.caracal_outbox"
refused "SELECT metadata_json FROM public.audit_events_default"
refused "UPDATE public.event_outbox SET attempts = 0"
refused "INSERT INTO public.event_outbox (id, stream_name, payload_json) VALUES ('x', 's', '{}')"
refused "SET ROLE caracal"
maintain "$config"

[ "$failures" = 0 ] || exit 1
echo "both ways of config/roles.sql hold"
