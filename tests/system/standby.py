# SPDX-License-Identifier: Apache-2.0
"""A real streaming standby: it is watched and says why, and nothing is changed before it is the
primary itself."""
import contextlib
import json
import os
import socket
import tempfile
from pathlib import Path

import checks
import daemon
import world
from checks import check, check_equal

# Old partitions for retention, rows in the default, a window that is not there.
OLD = world.EVENTS + """
CREATE TABLE public.jan PARTITION OF public.events FOR VALUES FROM ('2020-01-01') TO ('2020-02-01');
CREATE TABLE public.feb PARTITION OF public.events FOR VALUES FROM ('2020-02-01') TO ('2020-03-01');
INSERT INTO public.events SELECT g, '2020-01-15' FROM generate_series(1, 100) AS g;
INSERT INTO public.events SELECT g, '2020-05-15' FROM generate_series(1, 100) AS g;
"""
EXPIRES = ('expire = "drop"', 'expire = "detach"', 'expire = "archive"')
TABLES = ("SELECT relname || relispartition::text || coalesce(obj_description(oid), '')"
          " FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
          " ORDER BY 1")


def as_server(*command):
    """Runs a program of PostgreSQL as the user who owns the clusters."""
    program = [f"{os.environ['PGC_TEST_BIN']}/{command[0]}", *command[1:]]
    before = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
    ran = checks.run(*before, *program, cwd="/")
    checks.must(f"{command[0]} does its work", ran.code == 0, ran)


class Standby:
    """Follows the cluster of with_postgres.sh; lies in its directory."""

    def __init__(self):
        self.data = f"{os.environ['PGC_TEST_CLUSTER']}/standby"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = str(free.getsockname()[1])
        as_server("pg_basebackup", "-D", self.data, "-R", "-X", "stream", "-c", "fast", "--no-sync",
                  "-h", os.environ["PGHOST"], "-p", os.environ["PGPORT"], "-U", "postgres")
        self.control("start", "-l", f"{self.data}.log", "-o", f"-p {self.port}")

    def control(self, verb, *options):
        # What the server inherits would keep our pipes open.
        as_server("pg_ctl", "-D", self.data, "-w", *options, verb)

    @contextlib.contextmanager
    def chosen(self):
        """psql and dsn mean the standby meanwhile."""
        before = os.environ["PGPORT"]
        os.environ["PGPORT"] = self.port
        try:
            yield
        finally:
            os.environ["PGPORT"] = before

    def follows(self):
        """True once everything that the primary has written is here."""
        lsn = daemon.psql("SELECT pg_current_wal_lsn()")
        with self.chosen():
            return checks.wait_until(lambda: daemon.psql(
                f"SELECT pg_last_wal_replay_lsn() >= '{lsn}'") == "t", 30)


def only_watches(standby, name, path):
    before = daemon.psql(TABLES, name)
    with standby.chosen():
        check_equal("the server is a standby", daemon.psql("SELECT pg_is_in_recovery()"), "t")
        for expire in EXPIRES:
            path.write_text(settings(name, path.parent, expire))
            ran = daemon.once("plan", "--json", "-c", path)
            tasks = json.loads(ran.out)["tasks"]
            events = next(task for task in tasks if task["task"] == "partition:public.events")
            check_equal(f"{expire}: nothing is planned on a standby", events["steps"], [], ran)
            check("... and why is said", "in_recovery" in
                  [finding["code"] for finding in events["findings"]], ran)
            ran = daemon.once("once", "-c", path, "--task", "partition")
            check(f"{expire}: once has nothing to do and says why",
                  ran.code == 0 and "standby" in ran.text, ran)
            check_equal("... and every partition is as it was", daemon.psql(TABLES, name), before)
        with daemon.Daemon(settings(name, path.parent, EXPIRES[0])) as watched:
            def found():
                return [finding["code"] for task in watched.status()["tasks"]
                        if task["task"] == "partition:public.events"
                        for finding in (task["last_run"] or {}).get("findings", [])]
            check("a daemon on a standby says in_recovery",
                  checks.wait_until(lambda: "in_recovery" in found(), 20), watched.log())
        check_equal("... and has changed nothing", daemon.psql(TABLES, name), before)
    check_equal("nor is anything changed on the primary", daemon.psql(TABLES, name), before)


def settings(name, folder, expire):
    return world.settings(name, partition=f'retention = "365 days"\n{expire}',
                          more=f'[archive]\ndirectory = "{folder}"')


def acts_when_promoted(standby, name, path):
    standby.control("promote")
    with standby.chosen():
        check("the standby has become a primary", checks.wait_until(
            lambda: daemon.psql("SELECT pg_is_in_recovery()") == "f", 30))
        path.write_text(settings(name, path.parent, EXPIRES[0]))
        ran = daemon.once("once", "-c", path, "--task", "partition")
        left = daemon.psql(TABLES, name)
        check("then what has expired goes, and the window is made",
              "jan" not in left and "feb" not in left and world.partitions(name) >= 3, ran)


def main():
    with tempfile.TemporaryDirectory(prefix="pgcaretaker-system.") as folder:
        path = Path(folder) / "standby.toml"
        name = world.database(OLD)
        standby = Standby()
        try:
            checks.must("the standby follows", standby.follows())
            only_watches(standby, name, path)
            acts_when_promoted(standby, name, path)
        finally:
            standby.control("stop", "-m", "immediate")
