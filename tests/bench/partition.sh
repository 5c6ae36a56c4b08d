#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What keeping partitions costs those who write meanwhile, beside CREATE ... PARTITION OF and
# pg_partman, on a private PostgreSQL 15; prints Markdown tables.
#
#   partition.sh [--runs N] [SCENARIO]...    5 runs of all scenarios unless said; see partition.py
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# As a server is run, but for the disk's sake.
export PGC_TEST_PGCONF="timezone = 'UTC'
max_connections = 100
shared_buffers = 1GB
max_wal_size = 8GB
max_locks_per_transaction = 1024"
exec tests/support/with_postgres.sh 15 /usr/bin/python3 tests/bench/partition.py "$@"
