-- SPDX-License-Identifier: Apache-2.0
-- The least-privilege login role of the daemon. Run it as a superuser in the database to be kept,
-- again after every change of what the daemon keeps; it only ever adds, except that it takes back
-- the schema that earlier ones made the daemon's. PostgreSQL 14 to 18.
--
-- First way: the daemon may become the tables' owner. It then makes and drops partitions itself,
-- with the lightest locks there are. Set `role` in [database] to the same owner.
--
--   psql -d caracal -v owner=caracal -f roles.sql
--
-- Second way: the daemon owns nothing and never becomes an owner. Partitions come and go through
-- functions of the owner's (create_function, drop_function); on outboxes it may read and delete
-- rows. Lists are separated by commas; functions are named without arguments, a table may name its
-- one readable column.
--
--   psql -d caracal -v functions=public.audit_partition_ensure,public.audit_partition_drop \
--        -v outboxes=public.event_outbox,public.caracal_outbox \
--        -v readable='public.audit_retention,public.audit_events_default(occurred_at)' -f roles.sql
--
-- Both take -v caretaker=NAME for another name of the role. No password is set here: use psql's
-- \password caretaker, a client certificate, or peer authentication.

\set ON_ERROR_STOP on
\set QUIET on
\if :{?caretaker} \else \set caretaker caretaker \endif
\if :{?owner}     \else \set owner ''            \endif
\if :{?functions} \else \set functions ''        \endif
\if :{?outboxes}  \else \set outboxes ''         \endif
\if :{?readable}  \else \set readable ''         \endif

BEGIN;
-- Lists are names as an operator writes them: they mean the same in every session.
SET LOCAL search_path = pg_catalog;
-- Silence about what is there already.
SET LOCAL client_min_messages = warning;

-- The login. Nothing else: no superuser, no BYPASSRLS, no right to create roles or databases.
SELECT format('CREATE ROLE %I LOGIN', :'caretaker')
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'caretaker') \gexec

-- PUBLIC may have lost its right to connect.
SELECT format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), :'caretaker') \gexec

-- Pool checks need other sessions' state and kind, which read as null without this. pg_monitor
-- would do too, and grants more than that.
SELECT format('GRANT pg_read_all_stats TO %I', :'caretaker') \gexec

-- PostgreSQL 16 and later keep reserved_connections free for members of this role: the daemon can
-- connect to a server that its applications have filled up. Of no effect while reserved_connections
-- is 0.
SELECT format('GRANT pg_use_reserved_connections TO %I', :'caretaker')
WHERE current_setting('server_version_num')::int >= 160000 \gexec

-- The schema of the journal, which journal.sql makes. It belongs to whoever runs this: the owner of
-- a schema may drop every table in it, and what was written down must outlive the daemon's wish.
CREATE SCHEMA IF NOT EXISTS pgcaretaker;
SELECT 'ALTER SCHEMA pgcaretaker OWNER TO CURRENT_USER',
       CASE WHEN :'owner' <> ''
            THEN format('REVOKE CREATE ON SCHEMA pgcaretaker FROM %I', :'owner') END
FROM pg_namespace
WHERE nspname = 'pgcaretaker' AND nspowner = to_regrole(quote_ident(:'caretaker')) \gexec
SELECT format('GRANT USAGE ON SCHEMA pgcaretaker TO %I', :'caretaker') \gexec

-- First way ---------------------------------------------------------------------------------------

-- SET ROLE to the owner: CREATE, ATTACH, DETACH and DROP of partitions are an owner's business. The
-- role between the two does not inherit, so that a session that did not say SET ROLE has none of
-- the owner's rights: the lease and the pool checks never say it.
SELECT format('CREATE ROLE %I NOLOGIN NOINHERIT', :'caretaker' || '_as_owner')
WHERE :'owner' <> ''
  AND NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'caretaker' || '_as_owner') \gexec
SELECT format('GRANT %I TO %I', :'owner', :'caretaker' || '_as_owner') WHERE :'owner' <> '' \gexec
SELECT format('GRANT %I TO %I', :'caretaker' || '_as_owner', :'caretaker')
WHERE :'owner' <> '' \gexec
-- Journal rows are written in the owner's transactions.
SELECT format('GRANT USAGE ON SCHEMA pgcaretaker TO %I', :'owner')
WHERE :'owner' <> '' \gexec

-- Second way --------------------------------------------------------------------------------------

-- Names in these schemas are looked up by full name; USAGE lets them be found.
SELECT DISTINCT format('GRANT USAGE ON SCHEMA %s TO %I', namespace::regnamespace, :'caretaker')
FROM (
  SELECT relnamespace AS namespace FROM pg_class WHERE oid = ANY (
    (string_to_array(:'outboxes', ',')
     || string_to_array(regexp_replace(:'readable', '\([^,]*\)', '', 'g'), ','))::regclass[])
  UNION SELECT pronamespace FROM pg_proc
  WHERE oid = ANY (string_to_array(:'functions', ',')::regproc[])
) schemas \gexec

-- Partitions through the owner's SECURITY DEFINER functions, which decide what may be made and
-- dropped.
SELECT format('GRANT EXECUTE ON FUNCTION %s TO %I', name::regproc::regprocedure, :'caretaker')
FROM unnest(string_to_array(:'functions', ',')) name \gexec

-- Outboxes: SELECT to count and to choose, DELETE to sweep. (`action = "requeue"` would need UPDATE
-- too.)
SELECT format('GRANT SELECT, DELETE ON %s TO %I', name::regclass, :'caretaker')
FROM unnest(string_to_array(:'outboxes', ',')) name \gexec

-- What retention_query and hold_query read; and the default partition's range column, without which
-- rows that missed their partition cannot be counted. Its other columns stay unread.
SELECT format('GRANT SELECT %s ON %s TO %I', '(' || quote_ident(column_name) || ')', name::regclass,
              :'caretaker')
FROM (SELECT split_part(entry, '(', 1) AS name, substring(entry FROM '\((.*)\)') AS column_name
      FROM unnest(string_to_array(:'readable', ',')) entry) entries \gexec

COMMIT;
