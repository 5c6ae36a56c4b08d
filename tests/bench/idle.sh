#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What an idle daemon costs: starts the release build on a private PostgreSQL and prints a Markdown
# table.
#
#   idle.sh [--seconds N]      how long to watch, 60 unless said; less is for trying it out
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

seconds=60
if [ $# -gt 0 ]; then
  [[ $1 == --seconds && ${2-} =~ ^[1-9][0-9]{0,4}$ && $# -eq 2 ]] ||
    { echo "dev: bench idle takes --seconds N and nothing else" >&2; exit 64; }
  seconds=$2
fi
# User names in the log: idle.py counts the statements of the daemon's role by them.
export PGC_TEST_PGCONF="log_line_prefix = '%u '"
exec tests/support/with_postgres.sh 15 python3 tests/bench/idle.py "$seconds"
