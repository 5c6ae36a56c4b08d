-- SPDX-License-Identifier: Apache-2.0
-- The API writes an event, then claims and dispatches what waits; one turn in fifty it gives up on
-- what it claimed.
INSERT INTO public.event_outbox (id, stream_name, payload_json)
VALUES (gen_random_uuid()::text, 'grants', '{"event": "grant.created"}');
UPDATE public.event_outbox
SET attempts = attempts + 1, locked_by = 'api-:client_id',
    locked_until = now() + interval '30 seconds'
WHERE id IN (SELECT id FROM public.event_outbox
             WHERE dispatched_at IS NULL AND available_at <= now()
               AND (locked_until IS NULL OR locked_until < now())
             ORDER BY available_at LIMIT 32 FOR UPDATE SKIP LOCKED);
\set given_up random(1, 50) = 1
UPDATE public.event_outbox
SET dispatched_at = CASE WHEN NOT :given_up THEN now() END,
    available_at = CASE WHEN :given_up THEN 'infinity' ELSE available_at END,
    attempts = CASE WHEN :given_up THEN 100 ELSE attempts END,
    last_error = CASE WHEN :given_up THEN 'the stream refused the event' END,
    locked_by = NULL, locked_until = NULL
WHERE locked_by = 'api-:client_id' AND dispatched_at IS NULL;
