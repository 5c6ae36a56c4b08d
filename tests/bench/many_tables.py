# SPDX-License-Identifier: Apache-2.0
"""Two hundred tables of a few partitions each and one of 5,000, all kept by one daemon that has
nothing to do: what a pass takes, and that memory stays as it is. Called by partition.py."""

import pathlib
import re
import urllib.request

from idle_pass import AHEAD, DAYS, PARTITIONS, check_idle, daemon, psql, resident, wait_for_passes

TABLES = 200
FEW, MANY = 6, 5000
FROM, TO = 20, 200    # passes of each table, one a second
SECTION = """
[[partition]]
table = "audit.{table}"
interval = "1 day"
name = "{{table}}_%Y%m%d"
ahead = {ahead}
every = "1s"
"""


def small(number):
    return f"small_{number:03}"


def create(name):
    psql("postgres", f'CREATE DATABASE "{name}"')
    psql(name, PARTITIONS.format(days=DAYS.format(past=MANY - AHEAD - 1, ahead=AHEAD)))
    few = PARTITIONS.replace("CREATE SCHEMA audit;", "").format(
        days=DAYS.format(past=FEW - AHEAD - 1, ahead=AHEAD))
    psql(name, "".join(few.replace("events", small(number)) for number in range(TABLES)))
    psql(name, "VACUUM (FREEZE, ANALYZE)")


def totals(port):
    """Passes of the small tables and the seconds they took."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        text = answer.read().decode()
    series = r'^pgcaretaker_task_duration_seconds_{}\{{task="partition:audit\.small_\d+"\}} (\S+)'
    return [sum(map(float, re.findall(series.format(what), text, re.MULTILINE)))
            for what in ("count", "sum")]


def cpu_seconds(pid):
    threads = pathlib.Path(f"/proc/{pid}/task").iterdir()
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9


def run(binary):
    name = "idle_tables"
    create(name)
    more = "".join(SECTION.format(table=small(number), ahead=AHEAD) for number in range(TABLES))
    with daemon(binary, name, more) as (pid, port):
        wait_for_passes(port, FROM)
        (count, seconds), cpu, memory = totals(port), cpu_seconds(pid), resident(pid)
        wait_for_passes(port, TO)
        check_idle(port)
        grown, cpu = resident(pid) - memory, cpu_seconds(pid) - cpu
        count_after, seconds_after = totals(port)
    psql("postgres", f'DROP DATABASE "{name}"')
    mean = (seconds_after - seconds) / (count_after - count) * 1000
    print(f"\n### {TABLES} tables of {FEW} partitions and one of {MANY}, each once a second\n\n"
          f"| mean pass of a small table ms | CPU of the daemon | RSS MiB after {FROM} passes of "
          f"each | grown after {TO} by |\n|---|---|---|---|\n"
          f"| {mean:.2f} | {cpu / (TO - FROM) * 100:.0f} % | {memory:.1f} | {grown:+.1f} |",
          flush=True)
