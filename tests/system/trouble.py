# SPDX-License-Identifier: Apache-2.0
"""What may happen to a daemon among others: a peer is killed, it is frozen, it has a bug."""
import resource
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import checks
import daemon
import world
from checks import check, check_equal

RARELY = ["--set", "partition.0.every=6h", "--set", "outbox.0.every=6h"]
GATE = 4711


def takeover():
    """The second daemon's last look, hours from the next one, found nothing to do."""
    name = world.database()
    with daemon.Daemon(world.settings(name), RARELY) as first:
        checks.must("the first daemon acts", first.ready() and first.passes()
                    and first.metric("pgcaretaker_lease_held") == 1, first.log())
        with daemon.Daemon(world.settings(name), RARELY) as second:
            checks.must("the second one looks and watches", second.passes()
                        and second.metric("pgcaretaker_lease_held") == 0, second.log())
            last = daemon.psql("SELECT max(inhrelid::regclass::text) FROM pg_inherits "
                               "WHERE inhrelid::regclass::text LIKE '%events_y%'", name)
            daemon.psql(f"DROP TABLE {last}; INSERT INTO public.outbox VALUES "
                        "(1, now() - interval '2 days', now() - interval '3 days')", name)
            first.signal(signal.SIGKILL)
            first.wait(5)
            killed = time.monotonic()

            def done():
                return (world.partitions(name) == 3
                        and daemon.psql("SELECT count(*) FROM public.outbox", name) == "0")

            check("after kill -9 of the first the second does the work within a heartbeat",
                  checks.wait_until(done, 12), second.log())
            checks.note(f"taken over and done after {time.monotonic() - killed:.1f} s")
            check_equal("... under the lease", second.metric("pgcaretaker_lease_held"), 1)


def frozen():
    """SIGSTOP inside a retirement: hold_query waits at a gate under the lock, and we freeze."""
    name = world.database(world.EVENTS + f"""
        CREATE TABLE public.events_old PARTITION OF public.events
          FOR VALUES FROM ('2020-01-01 00:00+00') TO ('2020-02-01 00:00+00');
        CREATE FUNCTION public.gate() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
          IF current_setting('transaction_read_only') = 'off' THEN
            PERFORM pg_advisory_xact_lock_shared({GATE});
          END IF;
          RETURN false;
        END $$;""")
    gate = world.session(name, f"DO $$ BEGIN PERFORM pg_advisory_lock({GATE}); END $$;")
    # The gate waits under lock_timeout as well.
    toml = world.settings(name, partition='lock_timeout = "10s"\nretention = "365 days"\n'
                          'expire = "drop"\nhold_query = "SELECT public.gate()"')
    with daemon.Daemon(toml) as running:
        holder = checks.wait_until(lambda: daemon.psql(
            "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted "
            f"AND objid = {GATE}", name), 20)
        checks.must("a retirement is at the gate", holder, running.log())
        locked = daemon.psql("SELECT mode FROM pg_locks WHERE granted AND relation = "
                             f"'public.events'::regclass AND pid = {holder} ORDER BY 1", name)
        check("... with the parent locked against everybody", "AccessExclusiveLock" in locked,
              locked)
        running.signal(signal.SIGSTOP)
        state = Path(f"/proc/{running.process.pid}/stat")
        checks.must("the daemon is frozen", checks.wait_until(
            lambda: state.read_text().rpartition(")")[2].split()[0] == "T", 5, 0.01))
        writer = subprocess.Popen(
            ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", name, "-c",
             "INSERT INTO public.events SELECT n, now() FROM generate_series(1, 100) AS n"])
        checks.must("a writer waits for it", checks.wait_until(lambda: daemon.psql(
            f"SELECT count(*) FROM pg_stat_activity WHERE {holder} = ANY (pg_blocking_pids(pid))",
            name) == "1", 10, 0.02))
        started = time.monotonic()
        world.leave(gate)
        try:
            code = writer.wait(20)
        except subprocess.TimeoutExpired:
            code = None
            writer.kill()
        waited = time.monotonic() - started
        checks.note(f"the writer's insert waited {waited:.2f} s for the frozen daemon")
        # Half a second is the daemon's limit; less would mean that nobody held anything.
        check("a frozen daemon keeps its locks for half a second", code == 0 and
              0.4 < waited < 1.5, f"exit {code} after {waited:.2f} s")
        old = "SELECT to_regclass('public.events_old') IS NOT NULL"
        check_equal("... and its step is rolled back", daemon.psql(old, name), "t")
        running.signal(signal.SIGCONT)
        check("thawed, it retires in a later pass",
              checks.wait_until(lambda: daemon.psql(old, name) == "f", 30), running.log())
        check("... is ready, as the same process", running.ready()
              and running.process.poll() is None, running.log())
        check_equal("... and no row is lost", daemon.psql("SELECT count(*) FROM public.events",
                                                          name), "100")


def without_descriptors():
    """With four descriptors there is no event loop: nobody has planned for that."""
    name = world.database()
    with tempfile.TemporaryDirectory(prefix="pgcaretaker-system.") as folder:
        path = Path(folder, "bug.toml")
        path.write_text(world.settings(name))
        for command in ("once", "plan", "run"):
            ran = checks.run("prlimit", "--nofile=4:4", daemon.binary(), command, "-c", path)
            check(f"{command}: what nobody expected exits 70 with one line",
                  ran.code == 70 and ran.err.startswith("pgcaretaker: internal error: ")
                  and ran.err.count("\n") == 1 and not ran.out, ran)


def without_memory():
    """Out of memory in the middle of a reload: an exception that no part of `run` awaits."""
    name = world.database()
    with daemon.Daemon(world.settings(name)) as running:
        checks.must("a daemon runs", running.ready() and running.passes(), running.log())
        running.config.write_text(running.config.read_text() + f"# {'x' * 97}\n" * 10_000)
        before = len(running.log().splitlines())
        pid = running.process.pid
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[0])
        limit = pages * resource.getpagesize()
        resource.prlimit(pid, resource.RLIMIT_AS, (limit, limit))
        running.signal(signal.SIGHUP)
        code, _ = running.wait(10)
        check_equal("run: a bug under way exits 70", code, 70, running.log())
        news = [line for line in running.log().splitlines()[before:] if '"error"' in line]
        check("... with one line in the log",
              len(news) == 1 and "internal error, leaving: " in news[0], running.log())


def main():
    takeover()
    frozen()
    if b"__asan_init" in daemon.binary().read_bytes():
        checks.note("a sanitizer needs descriptors and memory itself: bugs are the plain build's")
        return
    without_descriptors()
    without_memory()
