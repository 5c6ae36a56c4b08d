-- SPDX-License-Identifier: Apache-2.0
-- A control plane's database as tests and the demo meet it: the shape of the real one, with its
-- hazards.
--
-- Plain SQL for an empty database on PostgreSQL 14 to 18: load it as a superuser, by psql or by one
-- PQexec. Roles belong to the whole cluster and are created when missing. audit_events starts with
-- its default partition only; which months exist is the business of whoever loads this.

-- Roles: one administrator that owns everything, one login for each service. None is superuser,
-- none but the administrator owns anything, none bypasses row-level security.
DO $roles$
DECLARE
  administrator constant text := 'caracal';
  login text;
BEGIN
  FOREACH login IN ARRAY ARRAY[administrator,
    'caracalapi', 'caracalsts', 'caracalgateway', 'caracalaudit', 'caracalcoordinator']
  LOOP
    BEGIN
      EXECUTE format('CREATE ROLE %I %s', login,
                     CASE WHEN login = administrator THEN 'NOLOGIN' ELSE 'LOGIN' END);
    EXCEPTION WHEN duplicate_object OR unique_violation THEN
      NULL;  -- unique_violation: another database's load was faster by a moment
    END;
  END LOOP;
END
$roles$;
GRANT USAGE, CREATE ON SCHEMA public TO caracal;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;

SET ROLE caracal;
SET search_path = public;
-- Dates as literals and bounds mean UTC, whatever the server's own time zone is.
SET timezone = 'UTC';

-- Zones and what lives in them --------------------------------------------------------------------

CREATE TABLE zones (
  id text PRIMARY KEY,
  name text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE providers (
  id text PRIMARY KEY,
  zone_id text NOT NULL REFERENCES zones (id),
  kind text NOT NULL,
  settings_json jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE applications (
  id text PRIMARY KEY,
  zone_id text NOT NULL REFERENCES zones (id),
  name text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE resources (
  id text PRIMARY KEY,
  zone_id text NOT NULL REFERENCES zones (id),
  provider_id text REFERENCES providers (id),
  identifier text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (zone_id, identifier)
);

CREATE TABLE sessions (
  id text PRIMARY KEY,
  zone_id text NOT NULL REFERENCES zones (id),
  subject text NOT NULL,
  expires_at timestamptz NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX sessions_zone_expires ON sessions (zone_id, expires_at);

CREATE TABLE delegated_grants (
  id text PRIMARY KEY,
  zone_id text NOT NULL REFERENCES zones (id),
  application_id text NOT NULL REFERENCES applications (id),
  resource_id text NOT NULL REFERENCES resources (id),
  scopes text[] NOT NULL DEFAULT '{}',
  expires_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE agent_sessions (
  id text PRIMARY KEY,
  zone_id text NOT NULL REFERENCES zones (id),
  application_id text NOT NULL REFERENCES applications (id),
  status text NOT NULL DEFAULT 'active',
  labels jsonb NOT NULL DEFAULT '[]',
  started_at timestamptz NOT NULL DEFAULT now(),
  ended_at timestamptz
);

CREATE TABLE delegation_edges (
  id text PRIMARY KEY,
  zone_id text NOT NULL REFERENCES zones (id),
  parent_agent_session_id text NOT NULL REFERENCES agent_sessions (id),
  child_agent_session_id text NOT NULL REFERENCES agent_sessions (id),
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE gateway_bindings (
  id text PRIMARY KEY,
  zone_id text NOT NULL REFERENCES zones (id),
  resource_id text NOT NULL REFERENCES resources (id),
  upstream_url text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE step_up_challenges (
  id text PRIMARY KEY,
  zone_id text NOT NULL REFERENCES zones (id),
  session_id text NOT NULL REFERENCES sessions (id),
  status text NOT NULL DEFAULT 'pending',
  expires_at timestamptz NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE admin_tokens (
  id text PRIMARY KEY,
  token_sha256 text NOT NULL UNIQUE,
  created_at timestamptz NOT NULL DEFAULT now(),
  revoked_at timestamptz
);

-- Policies: a version, once written, never changes ------------------------------------------------

CREATE TABLE policies (
  id text PRIMARY KEY,
  zone_id text NOT NULL REFERENCES zones (id),
  name text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE policy_versions (
  id text PRIMARY KEY,
  zone_id text NOT NULL REFERENCES zones (id),
  policy_id text NOT NULL REFERENCES policies (id),
  version integer NOT NULL,
  content text NOT NULL,
  content_sha256 text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (policy_id, version)
);

CREATE TABLE policy_sets (
  id text PRIMARY KEY,
  zone_id text NOT NULL REFERENCES zones (id),
  name text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE policy_set_versions (
  id text PRIMARY KEY,
  zone_id text NOT NULL REFERENCES zones (id),
  policy_set_id text NOT NULL REFERENCES policy_sets (id),
  version integer NOT NULL,
  manifest_json jsonb NOT NULL,
  manifest_sha text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (policy_set_id, version)
);

CREATE TABLE policy_set_bindings (
  id text PRIMARY KEY,
  zone_id text NOT NULL REFERENCES zones (id),
  policy_set_version_id text NOT NULL REFERENCES policy_set_versions (id),
  active boolean NOT NULL DEFAULT true,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  RAISE EXCEPTION '% is immutable: % refused', TG_TABLE_NAME, TG_OP
    USING ERRCODE = 'restrict_violation';
END
$body$;
CREATE TRIGGER policy_versions_immutable BEFORE UPDATE OR DELETE ON policy_versions
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER policy_set_versions_immutable BEFORE UPDATE OR DELETE ON policy_set_versions
  FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Audit: append-only evidence, one hash chain for each zone ---------------------------------------

CREATE TABLE audit_events (
  id text NOT NULL,
  zone_id text NOT NULL,
  event_type text NOT NULL,
  request_id text,
  decision text,
  policy_set_id text,
  policy_set_version_id text,
  manifest_sha text,
  evaluation_status text,
  determining_policies_json jsonb,
  diagnostics_json jsonb,
  metadata_json jsonb,
  occurred_at timestamptz NOT NULL,
  ingested_at timestamptz NOT NULL DEFAULT now(),
  content_sha256 text,
  prev_content_sha256 text,
  chain_hmac text,
  chain_seq bigint,
  ingest_signature text,
  PRIMARY KEY (id, occurred_at)
) PARTITION BY RANGE (occurred_at);
CREATE INDEX audit_events_agent_labels ON audit_events
  USING gin ((metadata_json -> 'agent_labels'));
CREATE INDEX audit_events_agent_session ON audit_events ((metadata_json ->> 'agent_session_id'))
  WHERE metadata_json ? 'agent_session_id';
CREATE INDEX audit_events_session ON audit_events ((metadata_json ->> 'session_id'))
  WHERE metadata_json ? 'session_id';
CREATE INDEX audit_events_request ON audit_events (request_id) WHERE request_id IS NOT NULL;
CREATE INDEX audit_events_chain ON audit_events (zone_id, chain_seq DESC);
CREATE INDEX audit_events_zone_time ON audit_events (zone_id, occurred_at DESC);
CREATE TABLE audit_events_default PARTITION OF audit_events DEFAULT;

CREATE TABLE admin_audit_events (
  id text PRIMARY KEY,
  event_type text NOT NULL,
  actor text NOT NULL,
  metadata_json jsonb,
  occurred_at timestamptz NOT NULL,
  content_sha256 text,
  prev_content_sha256 text,
  chain_hmac text,
  chain_seq bigint
);

CREATE TABLE audit_retention (
  singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
  retention_days integer NOT NULL CHECK (retention_days > 0),
  updated_at timestamptz NOT NULL DEFAULT now(),
  updated_by text
);

CREATE TABLE audit_export_watermark (
  name text PRIMARY KEY,
  last_exported_hour timestamptz NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT now()
);

-- What lets the audit service, which owns nothing, keep the window. PARTITION OF takes the heaviest
-- lock on the parent, as it does in the field.
CREATE FUNCTION audit_partition_ensure(month date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public SET timezone = 'UTC' AS $body$
DECLARE
  first_day date := date_trunc('month', month)::date;
BEGIN
  EXECUTE format(
    'CREATE TABLE IF NOT EXISTS public.%I PARTITION OF public.audit_events '
    'FOR VALUES FROM (%L) TO (%L)',
    'audit_events_y' || to_char(first_day, 'YYYY"m"MM'),
    first_day::timestamptz, (first_day + interval '1 month')::timestamptz);
END
$body$;

CREATE FUNCTION audit_partition_drop(part_name text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $body$
BEGIN
  IF part_name !~ '^audit_events_y[0-9]{4}m[0-9]{2}$' THEN
    RAISE EXCEPTION 'not an audit partition: %', part_name
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF EXISTS (
    SELECT FROM pg_inherits
    WHERE inhparent = 'public.audit_events'::regclass
      AND inhrelid = to_regclass(format('public.%I', part_name))
  ) THEN
    EXECUTE format('DROP TABLE public.%I', part_name);
  END IF;
END
$body$;
REVOKE EXECUTE ON FUNCTION audit_partition_ensure(date), audit_partition_drop(text) FROM PUBLIC;

-- Outboxes: nobody deletes from event_outbox, and nothing there is indexed by dispatched_at -------

CREATE TABLE event_outbox (
  id text PRIMARY KEY,
  stream_name text NOT NULL,
  payload_json jsonb NOT NULL,
  attempts integer NOT NULL DEFAULT 0,
  available_at timestamptz NOT NULL DEFAULT now(),
  locked_until timestamptz,
  locked_by text,
  last_error text,
  dispatched_at timestamptz,
  request_id text,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX event_outbox_available ON event_outbox (available_at) WHERE dispatched_at IS NULL;
CREATE INDEX event_outbox_created ON event_outbox (created_at) WHERE dispatched_at IS NULL;

CREATE TABLE caracal_outbox (
  id text PRIMARY KEY,
  producer text NOT NULL CHECK (producer IN ('api', 'coordinator')),
  topic text NOT NULL,
  dedupe_key text NOT NULL,
  payload_json jsonb NOT NULL,
  status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'published', 'dead')),
  attempts integer NOT NULL DEFAULT 0,
  available_at timestamptz NOT NULL DEFAULT now(),
  published_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (producer, topic, dedupe_key)
);
CREATE INDEX caracal_outbox_status_available ON caracal_outbox (status, available_at);
CREATE INDEX caracal_outbox_topic_status ON caracal_outbox (topic, status);

-- Row-level security: a service sees the zone that it says it works for, or all of them with '*' --

DO $isolation$
DECLARE
  zoned text;
BEGIN
  FOREACH zoned IN ARRAY ARRAY[
    'providers', 'applications', 'resources', 'sessions', 'delegated_grants', 'agent_sessions',
    'delegation_edges', 'gateway_bindings', 'step_up_challenges', 'policies', 'policy_versions',
    'policy_sets', 'policy_set_versions', 'policy_set_bindings', 'audit_events']
  LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', zoned);
    EXECUTE format(
      'CREATE POLICY zone_isolation ON %I'
      ' USING (current_setting(''caracal.zone_id'', true) IN (zone_id, ''*''))'
      ' WITH CHECK (current_setting(''caracal.zone_id'', true) IN (zone_id, ''*''))', zoned);
  END LOOP;
END
$isolation$;

-- Grants ------------------------------------------------------------------------------------------

GRANT SELECT, INSERT, UPDATE, DELETE ON zones, providers, applications, resources, sessions,
  delegated_grants, policies, policy_sets, policy_set_bindings, gateway_bindings, admin_tokens,
  audit_retention TO caracalapi;
GRANT SELECT, INSERT ON policy_versions, policy_set_versions, admin_audit_events TO caracalapi;
GRANT SELECT, INSERT, UPDATE ON event_outbox, caracal_outbox TO caracalapi;
GRANT SELECT ON zones, providers, applications, resources, delegated_grants, policies,
  policy_versions, policy_sets, policy_set_versions, policy_set_bindings, agent_sessions,
  delegation_edges TO caracalsts;
GRANT SELECT, INSERT, UPDATE ON sessions, step_up_challenges TO caracalsts;
GRANT SELECT ON zones, resources, gateway_bindings, sessions TO caracalgateway;
GRANT SELECT, INSERT, UPDATE ON agent_sessions, delegation_edges TO caracalcoordinator;
GRANT SELECT ON zones, applications TO caracalcoordinator;
GRANT SELECT, INSERT, UPDATE, DELETE ON caracal_outbox TO caracalcoordinator;
GRANT SELECT, INSERT ON audit_events TO caracalaudit;
GRANT SELECT ON admin_audit_events, audit_retention TO caracalaudit;
GRANT SELECT, INSERT, UPDATE ON audit_export_watermark TO caracalaudit;
GRANT EXECUTE ON FUNCTION audit_partition_ensure(date), audit_partition_drop(text) TO caracalaudit;

RESET timezone;
RESET search_path;
RESET ROLE;
