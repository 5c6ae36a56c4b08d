# SPDX-License-Identifier: Apache-2.0
"""What a pass costs that has nothing to do, beside the one catalog query it cannot do without, on
tables of few and of many partitions. Called by partition.py."""

import contextlib
import json
import os
import pathlib
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

import load

COUNTS = (10, 1000, 5000)
PASSES = 20     # at least, and as many queries: one of each a second
AHEAD = 3
SOURCE = pathlib.Path("daemon/partition/catalog.cpp")
# A few in each transaction, which keeps the lock table small.
PARTITIONS = """
CREATE SCHEMA audit;
CREATE TABLE audit.events (id bigint, at timestamptz NOT NULL) PARTITION BY RANGE (at);
DO $$ DECLARE day timestamptz; BEGIN
  FOR day IN SELECT {days} LOOP
    EXECUTE format('CREATE TABLE audit.events_%s PARTITION OF audit.events FOR VALUES FROM (%L) '
                   'TO (%L)', to_char(day, 'YYYYMMDD'), day, day + interval '1 day');
    IF extract(day FROM day) % 5 = 1 THEN COMMIT; END IF;
  END LOOP;
END $$;
"""
DAYS = ("generate_series(date_trunc('day', now()) - interval '{past} days', "
        "date_trunc('day', now()) + interval '{ahead} days', interval '1 day') AS day")
PARTMAN = """
CREATE SCHEMA partman; CREATE EXTENSION pg_partman SCHEMA partman;
CREATE SCHEMA audit;
CREATE TABLE audit.events (id bigint, at timestamptz NOT NULL) PARTITION BY RANGE (at);
SELECT partman.create_parent('audit.events', 'at', 'native', 'daily', p_premake := {ahead},
                             p_start_partition := (now() - interval '{past} days')::text);
UPDATE partman.part_config SET infinite_time_partitions = true
"""
SETTINGS = """
[database]
dsn = "host={host} port={port} user=postgres dbname={name}"
[http]
listen = "127.0.0.1:{http}"
[journal]
table = ""
[[partition]]
table = "audit.events"
interval = "1 day"
name = "{{table}}_%Y%m%d"
ahead = {ahead}
every = "1s"
"""


def catalog_query(name):
    """The daemon's own, from its source, for this table."""
    text = re.search(r'partitions_sql = R"\((.*?)\)"', SOURCE.read_text(), re.DOTALL).group(1)
    with contextlib.closing(load.connect(name)) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT 'audit.events'::regclass::oid")
        return text.replace("$1", str(cursor.fetchone()[0]))


def psql(name, text):
    ran = subprocess.run(["psql", "-Xqd", name, "-v", "ON_ERROR_STOP=1"], input=text,
                         capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        sys.exit(f"bench: {ran.stderr}")
    return ran.stdout


def milliseconds(name, statement, times, pause=0):
    """Of sending it and having its rows, by psql's own clock, in one session, with a pause of so
    many seconds before each; the first is not counted, it fills the caches."""
    wait = f"\\! sleep {pause}\n" if pause else ""
    script = f"\\timing on\n\\o /dev/null\n{(wait + statement + ';' + chr(10)) * (times + 1)}"
    found = re.findall(r"^Time: ([0-9.]+) ms", psql(name, script), re.MULTILINE)
    return [float(text) for text in found[1:]]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def passes_so_far(port):
    """Number of passes and their seconds together, (0, 0) before the daemon answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            text = answer.read().decode()
    except OSError:
        return 0, 0.0
    series = r'^pgcaretaker_task_duration_seconds_{}\{{task="partition:audit.events"\}} (\S+)'
    count, total = (re.search(series.format(what), text, re.MULTILINE) for what in ("count", "sum"))
    return int(float(count.group(1))), float(total.group(1))


@contextlib.contextmanager
def daemon(binary, name, more=""):
    port = free_port()
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
        file.write(SETTINGS.format(host=os.environ["PGHOST"], port=os.environ["PGPORT"], name=name,
                                   http=port, ahead=AHEAD) + more)
        file.flush()
        process = subprocess.Popen([binary, "run", "-c", file.name], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        try:
            yield process.pid, port
        finally:
            process.terminate()
            process.wait()


class Passes(threading.Thread):
    """Milliseconds of each pass of a daemon, until it ends: its own sum, seen from pass to pass."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port, self.stopped, self.milliseconds = port, False, []

    def run(self):
        count, seconds = passes_so_far(self.port)
        while not self.stopped:
            time.sleep(0.2)
            now = passes_so_far(self.port)
            if now[0] == count + 1:
                self.milliseconds.append((now[1] - seconds) * 1000)
            count, seconds = now

    def wait_for(self, count):
        while len(self.milliseconds) < count:
            time.sleep(0.2)

    def stop(self):
        self.stopped = True
        self.join()


def wait_for_passes(port, count):
    while passes_so_far(port)[0] < count:
        time.sleep(0.2)


def check_idle(port):
    """Whoever finds something to do measures something else."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/status", timeout=5) as answer:
        tasks = json.load(answer)["tasks"]
    for last in (task["last_run"] for task in tasks if task["kind"] == "partition"):
        if last["acts"] or last["findings"]:
            sys.exit(f"bench: not idle: {last['acts']} {last['findings']}")


def resident(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"^VmRSS:\s+(\d+) kB", status, re.MULTILINE).group(1)) / 1024


def measure(binary, count):
    past = count - AHEAD - 1
    psql("postgres", f'CREATE DATABASE "idle_{count}"; CREATE DATABASE "partman_{count}"')
    ours, theirs = f"idle_{count}", f"partman_{count}"
    psql(ours, PARTITIONS.format(days=DAYS.format(past=past, ahead=AHEAD)))
    psql(ours, "VACUUM (FREEZE, ANALYZE)")
    psql(theirs, PARTMAN.format(past=past, ahead=AHEAD))
    psql(theirs, "VACUUM ANALYZE")
    query = catalog_query(ours)
    hot, bare, partman = [], [], []
    with daemon(binary, ours) as (pid, port):
        wait_for_passes(port, 3)
        memory = resident(pid)
        passes = Passes(port)
        passes.start()
        for _ in range(4):
            bare += milliseconds(ours, query, PASSES // 4, pause=1)
            hot += milliseconds(ours, query, PASSES // 4)
            partman += milliseconds(theirs, "SELECT partman.run_maintenance('audit.events')", 1)
        passes.wait_for(PASSES)
        passes.stop()
        check_idle(port)
        grown = resident(pid) - memory
    for name in (ours, theirs):
        psql("postgres", f'DROP DATABASE "{name}"')
    taken, middle = statistics.median(passes.milliseconds), statistics.median(bare)
    print(f"| {count} | {middle:.2f} | {taken:.2f} | {taken / middle:.2f} | "
          f"{statistics.median(hot):.2f} | {statistics.median(partman):.0f} | {memory:.1f} | "
          f"{grown:+.1f} |", flush=True)


def run(binary):
    print(f"\n### A pass with nothing to do; medians of {PASSES} at least\n\n"
          "| partitions | query once a second ms | pass once a second ms | ratio | "
          "query in a row ms | run_maintenance ms | RSS MiB | grown by |\n"
          "|---|---|---|---|---|---|---|---|")
    for count in COUNTS:
        measure(binary, count)
