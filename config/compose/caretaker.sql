-- SPDX-License-Identifier: Apache-2.0
-- Makes the daemon's role and its journal, and gives it the password of its secret file.
-- docker-compose.yml has PostgreSQL run this once, when the database is made.

\getenv owner PGCARETAKER_OWNER
\i /pgcaretaker/roles.sql
\set writers caretaker, :owner
\i /pgcaretaker/journal.sql

-- Neither the log nor a process list may see the password: psql itself reads the file.
SET log_min_duration_statement = -1;
SET log_statement = 'none';
SET log_min_error_statement = 'panic';
\set password `cat /run/secrets/pgcaretaker-password`
ALTER ROLE caretaker PASSWORD :'password';
