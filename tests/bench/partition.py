# SPDX-License-Identifier: Apache-2.0
"""Scenarios of partition upkeep under live writers. Called by partition.sh:

    partition.py [--runs N] [SCENARIO]...

Methods take turns within each run, in a fresh copy of the same database.
"""

import argparse
import contextlib
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import time

import idle_pass
import load
import many_tables

BINARY = os.environ.get("PGCARETAKER_BINARY", "build/release/daemon/pgcaretaker")
MONTHS = 4                # to create
OLD, OLD_ROWS = 12, 200_000   # partitions to drop, and rows in each
DEFAULT_ROWS = 1_000_000
# Rows of a month to come that are in the default.
STRANDED = {"rescue": 100_000, "rescue-large": 5_000_000}
PARTITIONS = """
SELECT count(*) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
 WHERE i.inhparent = 'public.audit_events'::regclass
   AND pg_get_expr(c.relpartbound, 0) <> 'DEFAULT'"""
FILL = """
INSERT INTO public.audit_events (id, zone_id, event_type, occurred_at, chain_seq)
SELECT gen_random_uuid()::text, 'zone-' || n % 50, 'bench',
       {time}, n FROM generate_series(1, {rows}) n"""
# Rows of months to come, and how many of them are still in the default.
STRANDED_ROWS = """
SELECT count(*), count(*) FILTER (WHERE pg_get_expr(c.relpartbound, 0) = 'DEFAULT')
  FROM public.audit_events e JOIN pg_class c ON c.oid = e.tableoid
 WHERE e.occurred_at >= date_trunc('month', now() + interval '1 month')"""
PARTMAN = """
CREATE SCHEMA partman; CREATE EXTENSION pg_partman SCHEMA partman;
SELECT partman.create_parent('public.audit_events', 'occurred_at', 'native', 'monthly',
                             p_premake := {months},
                             p_start_partition := (now() - interval '{age} months')::text);
UPDATE partman.part_config SET infinite_time_partitions = true, retention = '3 months',
       retention_keep_table = false, retention_keep_index = false"""
SETTINGS = """
[database]
dsn = "host={host} port={port} user=postgres dbname={name}"
role = "caracal"
[lease]
key = "{name}"
[journal]
table = ""
[[partition]]
table = "public.audit_events"
ahead = {months}
{more}
"""


def sql(name, text):
    with contextlib.closing(load.connect(name)) as connection:
        cursor = connection.cursor()
        cursor.execute(text)
        return cursor.fetchone() if cursor.description else None


def template(name, partman, default, old, stranded=0):
    """A database with this month's partition, a default unless it is None, and `old` months."""
    sql("postgres", f'CREATE DATABASE "{name}"')
    subprocess.run(["psql", "-Xqd", name, "-v", "ON_ERROR_STOP=1", "-f",
                    "tests/support/control_plane.sql"], check=True, stdout=subprocess.DEVNULL)
    ages = [0, *range(4, 4 + old)]
    if partman:
        sql(name, "DROP TABLE audit_events_default")
        sql(name, PARTMAN.format(months=MONTHS, age=max(ages)))
        for (child,) in future(name):
            sql(name, f"DROP TABLE {child}")
    else:
        for age in ages:
            sql(name, f"SELECT audit_partition_ensure((now() - interval '{age} months')::date)")
    for age in ages[1:]:
        sql(name, FILL.format(rows=OLD_ROWS, time=f"date_trunc('month', now() - interval "
                              f"'{age} months') + n * interval '10 s'"))
    if default is None:
        sql(name, "DROP TABLE audit_events_default")
    elif default:
        sql(name, FILL.format(rows=default, time="timestamptz '2001-01-01' + n * interval '1 s'"))
    if stranded:
        sql(name, FILL.format(rows=stranded, time="date_trunc('month', now() + interval "
                              "'2 months') + n * interval '400 ms'"))
    sql(name, "VACUUM ANALYZE")
    sql(name, "CHECKPOINT")


def rows(name, text):
    with contextlib.closing(load.connect(name)) as connection:
        cursor = connection.cursor()
        cursor.execute(text)
        return cursor.fetchall()


def future(name):
    return rows(name, """
SELECT c.oid::regclass::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
 WHERE i.inhparent = 'public.audit_events'::regclass
   AND (regexp_match(pg_get_expr(c.relpartbound, 0),
                     'FROM \\(''(.*?)'''))[1]::timestamptz > now()""")


def nothing(_name):
    time.sleep(10)


def partition_of(name):
    """Month by month, as the control plane's own function does it."""
    for months in range(1, MONTHS + 1):
        sql(name, f"SELECT audit_partition_ensure((now() + interval '{months} months')::date)")


def drop_table(name):
    for months in range(4, 4 + OLD):
        sql(name, "SELECT audit_partition_drop('audit_events_y' || "
            f"to_char(now() - interval '{months} months', 'YYYY\"m\"MM'))")


def run_maintenance(name):
    sql(name, "SELECT partman.run_maintenance('public.audit_events')")


def partition_data(name):
    sql(name, "CALL partman.partition_data_proc('public.audit_events', p_wait := 0, "
              "p_quiet := true)")


def pgcaretaker(more):
    def method(name):
        with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
            file.write(SETTINGS.format(host=os.environ["PGHOST"], port=os.environ["PGPORT"],
                                       name=name, months=MONTHS, more=more))
            file.flush()
            ran = subprocess.run([BINARY, "once", "-c", file.name, "--task", "partition"],
                                 capture_output=True, text=True, check=False)
        if ran.returncode not in (0, 1):
            sys.exit(f"bench: {ran.stdout}{ran.stderr}")
    return method


def reader(seconds):
    @contextlib.contextmanager
    def reading(name):
        thread = load.Reader(name, seconds)
        thread.start()
        thread.reads.wait()
        time.sleep(0.5)
        yield
        thread.join()
    return reading


@contextlib.contextmanager
def no_reader(_name):
    yield


def gapless(name):
    return load.GaplessReaders(name, 2)


CREATE = {"nobody": nothing, "PARTITION OF": partition_of, "pg_partman": run_maintenance,
          "pgcaretaker": pgcaretaker("")}
DROP = {"nobody": nothing, "DROP TABLE": drop_table, "pg_partman": run_maintenance,
        "pgcaretaker": pgcaretaker('retention = "90 days"\nexpire = "drop"')}
RESCUE = {"nobody": nothing, "pg_partman": partition_data,
          "pgcaretaker, drain": pgcaretaker('default_partition = "drain"'),
          "pgcaretaker, adopt": pgcaretaker('default_partition = "adopt"')}
AT_ITS_END = 'patience = "5s"\npress_below = 9.0\nforce_below = 9.0'
# Whoever reads the head of the chain there reads all of the default, one after the other.
URGENT_RESCUE = {method: run for method, run in RESCUE.items() if "," not in method} | {
    f"pgcaretaker, {way}": pgcaretaker(f'default_partition = "{way}"\n{AT_ITS_END}')
    for way in ("drain", "adopt")}
TO_SPARE = 'patience = "10s"\npress_below = 0.0\nforce_below = 0.0'
# Name: title, rows in the default (None = no default), old partitions, readers, methods.
SCENARIOS = {
    "create": ("Create 4 partitions, the default is empty; a reader of 20 s",
               0, 0, reader(20), CREATE),
    "create-filled": (f"Create 4 partitions, the default holds {DEFAULT_ROWS:,} other rows; a "
                      "reader of 20 s", DEFAULT_ROWS, 0, reader(20), CREATE),
    "create-plain": ("Create 4 partitions, no default; a reader of 5 s",
                     None, 0, reader(5), CREATE),
    "drop": (f"Drop {OLD} partitions of {OLD_ROWS:,} rows; a reader of 8 s",
             0, OLD, reader(8), DROP),
    "gapless": ("Create 4 partitions, the default is empty; readers of 2 s without a gap",
                0, 0, gapless,
                {"nobody": nothing, "PARTITION OF": partition_of, "pg_partman": run_maintenance,
                 "pgcaretaker, window to spare": pgcaretaker(TO_SPARE),
                 "pgcaretaker, window about to end": pgcaretaker(AT_ITS_END)}),
    **{name: (f"Bring {count:,} rows of a month to come out of the default, beside "
              "partition_data_proc()", 0, 0, no_reader, methods)
       for (name, count), methods in zip(STRANDED.items(), (RESCUE, URGENT_RESCUE))},
}
# Without writers: what the daemon itself takes.
IDLE = {"idle": idle_pass.run, "tables": many_tables.run}


def check_rescued(name, before, method):
    """Every row that was there is there, and none is in the default any more."""
    total, stranded = sql(name, STRANDED_ROWS)
    if total != before or (stranded and method is not nothing):
        sys.exit(f"bench: {before} rows of months to come before, {total} after, {stranded} of "
                 "them in the default")


def measure(base, readers, method, stranded=0):
    name = "bench_run"
    sql("postgres", f'CREATE DATABASE "{name}" TEMPLATE "{base}" STRATEGY file_copy')
    before = sql(name, PARTITIONS)[0]
    with load.Writers(name) as writers:
        with readers(name):
            began = time.monotonic()
            method(name)
            took = time.monotonic() - began
    changed = sql(name, PARTITIONS)[0] - before
    if stranded:
        check_rescued(name, stranded, method)
    sql("postgres", f'DROP DATABASE "{name}"')
    return took, changed, writers.noticed


def cell(values, digits):
    low, middle, high = min(values), statistics.median(values), max(values)
    if round(low, digits) == round(high, digits):
        return f"{middle:.{digits}f}"
    return f"{low:.{digits}f} / **{middle:.{digits}f}** / {high:.{digits}f}"


def worst(runs, kind):
    return [found[kind].worst * 1000 for *_, found in runs]


def times_nobodys(runs, results, kind):
    """Of the medians: what the machine itself does is no merit and no fault."""
    noise = statistics.median(worst(results["nobody"], kind))
    return f"{statistics.median(worst(runs, kind)) / noise:.1f}"


def show(title, results):
    print(f"\n### {title}\n\n| method | partitions | took s | stall plain s | stall chain s | "
          "worst plain ms | worst chain ms | times nobody's |\n|---|---|---|---|---|---|---|---|")
    for method, runs in results.items():
        row = [cell([changed for _, changed, _ in runs], 0), cell([took for took, _, _ in runs], 2)]
        row += [cell([found[kind].stall for *_, found in runs], 2) for kind in load.RATES]
        row += [cell(worst(runs, kind), 1) for kind in load.RATES]
        row += [" and ".join(times_nobodys(runs, results, kind) for kind in load.RATES)]
        print(f"| {method} | {' | '.join(row)} |")
    sys.stdout.flush()


def run_scenario(name, runs):
    title, default, old, readers, methods = SCENARIOS[name]
    stranded = STRANDED.get(name, 0)
    for partman in (False, True):
        template(f"{name}_{partman}", partman, default, old, stranded)
    results = {method: [] for method in methods}
    for _ in range(runs):
        for method in random.sample(list(methods), len(methods)):
            base = f"{name}_{method == 'pg_partman'}"
            results[method].append(measure(base, readers, methods[method], stranded))
    show(title, results)
    for partman in (False, True):
        sql("postgres", f'DROP DATABASE "{name}_{partman}"')


def main():
    parser = argparse.ArgumentParser(prog="./dev bench partition")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("scenarios", nargs="*", choices=[*SCENARIOS, *IDLE, []],
                        metavar="SCENARIO")
    given = parser.parse_args()
    if not pathlib.Path(BINARY).exists():
        sys.exit(f"bench: there is no {BINARY}: run  ./dev bench partition")
    print("Seconds and milliseconds; min / **median** / max where they differ.")
    for name in given.scenarios or [*SCENARIOS, *IDLE]:
        if name in IDLE:
            IDLE[name](BINARY)
        else:
            run_scenario(name, given.runs)


if __name__ == "__main__":
    main()
