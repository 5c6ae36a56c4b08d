-- SPDX-License-Identifier: Apache-2.0
-- The audit service appends one event: head of the zone's chain and insert in one transaction, one
-- writer a zone.
\set zone random(1, 3)
BEGIN;
SELECT set_config('caracal.zone_id', 'zone-:zone', true);
SELECT pg_advisory_xact_lock(hashtextextended('audit-chain/zone-:zone', 0));
SELECT coalesce(max(chain_seq), 0) AS sequence, coalesce(max(content_sha256), '') AS content
FROM (SELECT chain_seq, content_sha256 FROM public.audit_events WHERE zone_id = 'zone-:zone'
      ORDER BY chain_seq DESC LIMIT 1) head \gset head_
INSERT INTO public.audit_events (id, zone_id, event_type, request_id, decision, metadata_json,
                                 occurred_at, prev_content_sha256, content_sha256, chain_seq)
VALUES (gen_random_uuid()::text, 'zone-:zone', 'authorization.decided', gen_random_uuid()::text,
        'allow', '{"session_id": "session-:zone"}', now(), nullif(':head_content', ''),
        encode(sha256((':head_content' || now()::text)::bytea), 'hex'), :head_sequence + 1);
COMMIT;
