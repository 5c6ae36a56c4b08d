-- SPDX-License-Identifier: Apache-2.0
-- The gateway looks a binding up and thinks about it, on a connection of its pool.
BEGIN;
SELECT set_config('caracal.zone_id', 'zone-1', true);
SELECT count(*) FROM public.gateway_bindings;
COMMIT;
\sleep 200 ms
