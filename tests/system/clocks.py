# SPDX-License-Identifier: Apache-2.0
"""A server whose clock is wrong: nothing is retired by it, and a person is told."""
import contextlib
import json
import os
import re
import subprocess
import tempfile
from datetime import datetime, timedelta, timezone
from pathlib import Path

import checks
import daemon
import world
from checks import ROOT, check, check_equal

DAY = timedelta(days=1)
KEEP = 'retention = "2 days"\nexpire = "drop"\nname = "{table}_y%Ym%md%d"'


@contextlib.contextmanager
def server(clock):
    """A second cluster, whose clock is off by `clock`; psql and world go there meanwhile."""
    wrapper = ROOT / "tests/support/with_postgres.sh"
    process = subprocess.Popen(
        [wrapper, "15", "sh", "-c", 'echo "$PGHOST $PGPORT"; exec cat'], text=True,
        env={**os.environ, "PGC_TEST_CLOCK": clock}, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    before = {name: os.environ[name] for name in ("PGHOST", "PGPORT")}
    try:
        where = process.stdout.readline().split()
        checks.must(f"a server runs with a clock that is off by {clock}", len(where) == 2, where)
        os.environ.update(PGHOST=where[0], PGPORT=where[1])
        yield
    finally:
        os.environ.update(before)
        process.stdin.close()
        process.stdout.close()
        process.wait(60)


def partition(name, day):
    return (f"CREATE TABLE public.{name} PARTITION OF public.events FOR VALUES "
            f"FROM ('{day:%Y-%m-%d} 00:00+00') TO ('{day + DAY:%Y-%m-%d} 00:00+00');")


def database():
    """By the true clock `events_old` is past its time and `events_young` is not."""
    today = datetime.now(timezone.utc)
    return world.database(
        world.EVENTS + partition("events_old", today - 30 * DAY)
        + partition("events_young", today - DAY)
        + "INSERT INTO public.outbox SELECT 1, past, past FROM "
        f"(SELECT '{today - 30 * DAY:%Y-%m-%d} 00:00+00'::timestamptz AS past) AS clock;")


def left(name):
    """What could have been retired and is still there."""
    return daemon.psql("SELECT relname FROM pg_class WHERE relname ~ '^events_(old|young)$'"
                       " UNION ALL SELECT 'row' FROM public.outbox ORDER BY 1", name).split()


def covers(name):
    """How many partitions hold the server's today and the two days after it."""
    return int(daemon.psql(
        "SET timezone = 'UTC'; SET datestyle = 'ISO'; SELECT count(*) FROM pg_class c "
        "JOIN pg_inherits i ON i.inhrelid = c.oid, generate_series(0, 2) AS ahead "
        "WHERE pg_get_expr(c.relpartbound, c.oid) LIKE "
        "format('FOR VALUES FROM (''%s%%', current_date + ahead)", name))


def off(folder, clock, words, withheld):
    with server(clock):
        name = database()
        path = folder / "clocks.toml"
        path.write_text(settings(name))
        seconds = r"17\d\d\d\d s " + words
        ran = daemon.once("plan", "-c", path)
        check(f"{clock}: plan says by how much the server's clock is off and what is withheld",
              ran.code == 2 and re.search(
                  rf"critical \[clocks_differ\] clock: {withheld[0]}.*{seconds}", ran.out)
              and "drop public.events_" not in ran.out, ran)
        ran = daemon.once("plan", "--json", "-c", path)
        tasks = json.loads(ran.out)["tasks"]
        codes = [finding["code"] for task in tasks for finding in task["findings"]]
        actions = {step["action"] for task in tasks for step in task["steps"]}
        check(f"{clock}: plan --json has clocks_differ for each table, and only creates",
              codes.count("clocks_differ") == 2 and actions == {"create"}, ran)
        ran = daemon.once("once", "-c", path)
        check(f"{clock}: once exits 3 and names both tables' steps", ran.code == 3
              and re.findall(r"clock: (\d step)", ran.out) == withheld, ran)
        check_equal(f"{clock}: nothing is retired", left(name),
                    ["events_old", "events_young", "row"], ran)
        check_equal(f"{clock}: creation goes on by the server's clock", covers(name), 3, ran)


def settings(name):
    return world.settings(name, partition=KEEP).replace('"1 month"', '"1 day"')


def right(folder):
    name = database()
    path = folder / "clocks.toml"
    path.write_text(settings(name))
    ran = daemon.once("once", "-c", path)
    check("with both clocks right once exits 0", ran.code == 0, ran)
    check_equal("... and what is past its time goes, nothing else", left(name), ["events_young"],
                ran)
    check_equal("... and the window is there", covers(name), 3, ran)


def main():
    with tempfile.TemporaryDirectory(prefix="pgcaretaker-system.") as name:
        folder = Path(name)
        right(folder)
        off(folder, "+2d", "ahead of", ["4 step", "1 step"])
        off(folder, "-2d", "behind", ["2 step", "1 step"])
