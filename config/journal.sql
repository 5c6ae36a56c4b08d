-- SPDX-License-Identifier: Apache-2.0
-- The journal: what pgcaretaker did to partitions, written in the same transaction as the act
-- itself, and never changed afterwards. Run it once as a superuser, or as whoever is to own the
-- journal, in the database that is maintained, after roles.sql; running it again changes nothing.
--
--   psql -v writers=caretaker,caracal -f journal.sql
--
-- writers: the roles that add to it, separated by commas: the daemon's login, and the role that
-- database.role names.
\set ON_ERROR_STOP on
\set QUIET on

BEGIN;
-- Silence about what is there already.
SET LOCAL client_min_messages = warning;

CREATE SCHEMA IF NOT EXISTS pgcaretaker;

CREATE TABLE IF NOT EXISTS pgcaretaker.journal (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  login name NOT NULL DEFAULT session_user,     -- who the daemon connected as
  role name NOT NULL DEFAULT current_user,      -- who it acted as
  host text NOT NULL,                           -- the machine that the daemon runs on
  plan_id uuid NOT NULL,                        -- the same for all that one pass planned
  task text NOT NULL,                           -- partition:public.audit_events
  action text NOT NULL,                         -- create, drain, adopt, detach, archive, drop
  subject text NOT NULL,                        -- the partition
  bounds text NOT NULL,                         -- FOR VALUES FROM (...) TO (...)
  rows bigint,                                  -- counted by drain and archive, see operations.md
  bytes bigint NOT NULL,                        -- with indexes and TOAST
  reason text NOT NULL
);
COMMENT ON TABLE pgcaretaker.journal IS
  'What pgcaretaker did to partitions; rows are only ever added.';

CREATE OR REPLACE FUNCTION pgcaretaker.journal_is_append_only() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $body$
BEGIN
  RAISE EXCEPTION 'rows of pgcaretaker.journal are only ever added'
    USING ERRCODE = 'insufficient_privilege';
END
$body$;
CREATE OR REPLACE TRIGGER append_only
  BEFORE UPDATE OR DELETE OR TRUNCATE ON pgcaretaker.journal
  FOR EACH STATEMENT EXECUTE FUNCTION pgcaretaker.journal_is_append_only();
-- In replica mode as well, in which other triggers do not fire.
ALTER TABLE pgcaretaker.journal ENABLE ALWAYS TRIGGER append_only;

REVOKE ALL ON pgcaretaker.journal FROM PUBLIC;
SELECT format('GRANT USAGE ON SCHEMA pgcaretaker TO %I', writer),
       format('GRANT SELECT, INSERT ON pgcaretaker.journal TO %I', writer),
       -- pg_dump reads it.
       format('GRANT SELECT ON SEQUENCE pgcaretaker.journal_id_seq TO %I', writer)
  FROM unnest(string_to_array(:'writers', ',')) AS writer \gexec

COMMIT;
