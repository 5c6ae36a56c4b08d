#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs a command inside a private, throw-away PostgreSQL cluster and removes it afterwards.
#
#   with_postgres.sh VERSION COMMAND [ARG...]
#
# The command finds: PGHOST (socket directory), PGPORT (listened to on 127.0.0.1 as well),
# PGUSER=postgres, PGDATABASE=postgres, PGC_TEST_CLUSTER (directory with server.log) and
# PGC_TEST_PGCTL, a script that takes start, stop, restart, kill (immediate stop), and PGC_TEST_BIN,
# where that version's programs are.
# PGC_TEST_PGCONF may hold further settings, PGC_TEST_CLOCK how far the server's clock is off (+2d).
# With PGC_TEST_IN_MEMORY=yes the data lie in memory, where there is plenty.
set -euo pipefail

version=$1
shift
case $version in
  15) bin=/usr/lib/postgresql/15/bin ;;
  *)
    # Root's servers run as the user postgres, who cannot look into /root.
    cache=$HOME/.cache/pgcaretaker
    [ "$(id -u)" != 0 ] || cache=/var/cache/pgcaretaker
    bin=${PGCARETAKER_CACHE:-$cache}/postgres-$version/bin
    ;;
esac
if [ ! -x "$bin/initdb" ]; then
  echo "with_postgres.sh: no PostgreSQL $version in $bin: run  ./dev setup --pg $version" >&2
  exit 70
fi

cluster=$(mktemp -d "${TMPDIR:-/tmp}/pgcaretaker-pg$version.XXXXXX")
storage=$cluster
conf=${PGC_TEST_PGCONF:-}

# available PATH: kilobytes that are free there.
available() { df --output=avail "$1" 2>/dev/null | tail -n 1; }

# Tests make and drop thousands of small files: on a disk the kernel needs four times as long.
if [ "${PGC_TEST_IN_MEMORY:-no}" = yes ] && [ -w /dev/shm ] &&
  [ "$(available /dev/shm)" -gt 2000000 ] &&
  [ "$(awk '/^MemAvailable/ { print $2 }' /proc/meminfo)" -gt 4000000 ]; then
  storage=$(mktemp -d "/dev/shm/pgcaretaker-pg$version.XXXXXX")
  conf="max_wal_size = 128MB
$conf"
fi
data=$storage/data
as_server=()
if [ "$(id -u)" = 0 ]; then
  chown postgres: "$cluster" "$storage"
  chmod 755 "$cluster" "$storage"
  as_server=(runuser -u postgres --)
fi
port=$(python3 -c 'import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])')

cleanup() {
  cd /
  "${as_server[@]}" "$bin/pg_ctl" -D "$data" -m immediate -w stop >/dev/null 2>&1 || true
  rm -rf "$cluster" "$storage"
}
trap cleanup EXIT
trap 'exit 143' TERM INT

(cd / && "${as_server[@]}" "$bin/initdb" -D "$data" -U postgres -A trust --no-sync \
  --encoding=UTF8 --locale=C >"$cluster/initdb.log" 2>&1) || {
  cat "$cluster/initdb.log" >&2
  exit 70
}
"${as_server[@]}" tee -a "$data/postgresql.conf" >/dev/null <<EOT
listen_addresses = '127.0.0.1'
port = $port
unix_socket_directories = '$cluster'
fsync = off
full_page_writes = off
max_connections = 60
shared_buffers = 64MB
max_prepared_transactions = 5
timezone = 'Pacific/Chatham'
datestyle = 'German, DMY'
log_min_messages = warning
$conf
EOT
on_clock=
if [ -n "${PGC_TEST_CLOCK:-}" ]; then
  # Not the command faketime: it goes on waiting after pg_ctl has started the server.
  library=$(echo /usr/lib/*/faketime/libfaketime.so.1)
  [ -r "$library" ] || { echo "with_postgres.sh: no faketime: run  ./dev setup" >&2; exit 70; }
  on_clock="env LD_PRELOAD=$library FAKETIME=$PGC_TEST_CLOCK FAKETIME_DONT_FAKE_MONOTONIC=1"
fi
cat >"$cluster/pgctl" <<EOT
#!/usr/bin/env bash
cd /
verb=\$1; mode=fast
[ "\$verb" = kill ] && verb=stop && mode=immediate
options="-m \$mode"
[ "\$verb" = stop ] || options="\$options -l $cluster/server.log"
exec ${as_server[*]} $on_clock $bin/pg_ctl -D $data -w \$options "\$verb" >/dev/null
EOT
chmod 755 "$cluster/pgctl"
"$cluster/pgctl" start || { cat "$cluster/server.log" >&2; exit 70; }

export PGHOST=$cluster PGPORT=$port PGUSER=postgres PGDATABASE=postgres
export PGC_TEST_CLUSTER=$cluster PGC_TEST_PGCTL=$cluster/pgctl PGC_TEST_BIN=$bin
"$@"
