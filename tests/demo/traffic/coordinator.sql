-- SPDX-License-Identifier: Apache-2.0
-- The coordinator announces a change and publishes what waits; one turn in fifty it gives up on
-- what it took.
INSERT INTO public.caracal_outbox (id, producer, topic, dedupe_key, payload_json)
VALUES (gen_random_uuid()::text, 'coordinator', 'delegation', gen_random_uuid()::text,
        '{"edge": "created"}');
\set given_up random(1, 50) = 1
UPDATE public.caracal_outbox
SET status = CASE WHEN :given_up THEN 'dead' ELSE 'published' END,
    published_at = CASE WHEN NOT :given_up THEN now() END,
    attempts = attempts + 1, updated_at = now()
WHERE id IN (SELECT id FROM public.caracal_outbox
             WHERE producer = 'coordinator' AND status = 'pending' AND available_at <= now()
             ORDER BY available_at LIMIT 32 FOR UPDATE SKIP LOCKED);
