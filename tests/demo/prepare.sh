#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes the database `controlplane` that demo and benchmarks keep: schema, first rows, the daemon's
# role.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
load() { psql -XqAt -v ON_ERROR_STOP=1 -o /dev/null -d controlplane "$@"; }

createdb controlplane
load -f tests/support/control_plane.sql
load -f tests/demo/seed.sql
load -v owner=caracal -f config/roles.sql
load -v writers=caretaker,caracal -f config/journal.sql
