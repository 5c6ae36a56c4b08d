# SPDX-License-Identifier: Apache-2.0
"""Small databases for the binary to keep, each new, in the private cluster of with_postgres.sh."""
import itertools
import os

import daemon

_numbers = itertools.count(1)

EVENTS = """
CREATE TABLE public.events (id bigint, happened_at timestamptz NOT NULL)
  PARTITION BY RANGE (happened_at);
CREATE TABLE public.events_default PARTITION OF public.events DEFAULT;
CREATE TABLE public.outbox (id bigint PRIMARY KEY, sent_at timestamptz,
                            created_at timestamptz NOT NULL DEFAULT now());
"""


def database(sql=EVENTS):
    """Makes a database and gives its name."""
    name = f"system_{os.getpid()}_{next(_numbers)}"
    daemon.psql(f"CREATE DATABASE {name}")
    daemon.psql(sql, name)
    return name


def server_dsn(name, user="postgres"):
    return f"host={os.environ['PGHOST']} port={os.environ['PGPORT']} dbname={name} user={user}"


def settings(name, dsn=None, partition="", database_keys="", more=""):
    """A configuration for `events` and `outbox`, on any free port, that leaves the rest alone."""
    return f"""
[database]
dsn = "{dsn or server_dsn(name)}"
{database_keys}
[http]
listen = "127.0.0.1:0"
[lease]
key = "{name}"
[journal]
table = ""
[[partition]]
table = "public.events"
interval = "1 month"
ahead = 2
{partition}
[[outbox]]
table = "public.outbox"
pending = "sent_at IS NULL"
[outbox.done]
where = "sent_at IS NOT NULL"
since = "sent_at"
keep = "1 day"
{more}
"""


def partitions(name, table="public.events"):
    """How many partitions `table` has besides its default."""
    return int(daemon.psql(
        f"SELECT count(*) - 1 FROM pg_inherits WHERE inhparent = '{table}'::regclass", name))


def session(name, sql):
    """Another client that runs `sql` and then stays connected until its stdin closes."""
    import subprocess
    process = subprocess.Popen(["psql", "-X", "-q", "-U", "postgres", "-d", name], text=True,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    process.stdin.write(sql + "\n\\echo done\n")
    process.stdin.flush()
    assert process.stdout.readline() == "done\n"
    return process


def leave(process):
    process.stdin.close()
    process.stdout.close()
    process.wait()
