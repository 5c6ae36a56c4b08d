-- SPDX-License-Identifier: Apache-2.0
-- What the demo starts from: this month's partition and no further one, evidence two years old that
-- is due to go, and a small pool for the gateway.
ALTER ROLE caracalgateway CONNECTION LIMIT 10;
INSERT INTO zones (id, name) SELECT 'zone-' || n, 'Zone ' || n FROM generate_series(1, 3) n;
SELECT audit_partition_ensure((now() AT TIME ZONE 'UTC')::date);
SELECT audit_partition_ensure(((now() - interval '2 years') AT TIME ZONE 'UTC')::date);
INSERT INTO audit_events (id, zone_id, event_type, occurred_at, chain_seq, content_sha256,
                          prev_content_sha256)
SELECT gen_random_uuid()::text, 'zone-1', 'authorization.decided', now() - interval '2 years', n,
       encode(sha256(n::text::bytea), 'hex'), encode(sha256((n - 1)::text::bytea), 'hex')
FROM generate_series(1, 1000) n;
