# SPDX-License-Identifier: Apache-2.0
"""Writers and readers of public.audit_events as a control plane has them, and what they noticed."""

import dataclasses
import multiprocessing
import threading
import time
import uuid

import psycopg2

CONNECTIONS = 4   # for each way of writing
STALL = 0.1       # seconds without any finished insert that count as a stall
INSERT = ("INSERT INTO public.audit_events (id, zone_id, event_type, occurred_at, chain_seq) "
          "VALUES (%s, 'zone-1', 'bench', now(), %s)")
HEAD = ("SELECT chain_seq FROM public.audit_events WHERE zone_id = 'zone-1' "
        "ORDER BY chain_seq DESC NULLS LAST LIMIT 1")
# Inserts a second, together. Open loop: each has its time, whether the one before is done or not.
RATES = {"plain": 400, "chain": 200}


def connect(name):
    connection = psycopg2.connect(dbname=name)
    connection.autocommit = True
    return connection


def write_plain(cursor):
    cursor.execute(INSERT, (uuid.uuid4().hex, None))


def write_chain(cursor):
    """What keeps a hash chain does: one writer at a time, after a look at the chain's head."""
    cursor.execute("BEGIN; SELECT pg_advisory_xact_lock(4711)")
    cursor.execute(HEAD)
    row = cursor.fetchone()
    cursor.execute(INSERT, (uuid.uuid4().hex, (row[0] if row and row[0] else 0) + 1))
    cursor.execute("COMMIT")


def _write_on(name, kind, number, ready, stop, done):
    write = {"plain": write_plain, "chain": write_chain}[kind]
    cursor = connect(name).cursor()
    write(cursor)
    ready.wait()
    interval = CONNECTIONS / RATES[kind]
    planned = time.monotonic() + interval * number / CONNECTIONS
    while not stop.is_set():
        time.sleep(max(0.0, planned - time.monotonic()))
        began = time.monotonic()
        write(cursor)
        done.append((began, time.monotonic()))
        planned += interval


def _process(name, kind, ready, stop, results):
    done = [[] for _ in range(CONNECTIONS)]
    threads = [threading.Thread(target=_write_on, args=(name, kind, i, ready, stop, done[i]))
               for i in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    results.put((kind, sorted(pair for part in done for pair in part)))


@dataclasses.dataclass
class Noticed:
    """What one kind of writer noticed: seconds."""
    stall: float   # sum of the gaps above STALL between finished inserts
    worst: float   # the longest insert
    count: int


def noticed(done, began, ended):
    finished = sorted(end for _, end in done if began <= end <= ended)
    gaps = [b - a for a, b in zip([began] + finished, finished + [ended])]
    return Noticed(sum(gap for gap in gaps if gap > STALL),
                   max((end - begin for begin, end in done if end >= began and begin <= ended),
                       default=0.0), len(finished))


class Writers:
    """Writes from __enter__ to __exit__; `noticed` then says what happened in between."""

    def __init__(self, name):
        self.name = name
        self.results = multiprocessing.Queue()
        self.stop = multiprocessing.Event()

    def __enter__(self):
        ready = multiprocessing.Barrier(CONNECTIONS * len(RATES) + 1)
        self.processes = [multiprocessing.Process(
            target=_process, args=(self.name, kind, ready, self.stop, self.results))
            for kind in RATES]
        for process in self.processes:
            process.start()
        ready.wait()
        self.began = time.monotonic()
        return self

    def __exit__(self, *_):
        ended = time.monotonic()
        self.stop.set()
        found = dict(self.results.get() for _ in self.processes)
        for process in self.processes:
            process.join()
        self.noticed = {kind: noticed(done, self.began, ended) for kind, done in found.items()}


class Reader(threading.Thread):
    """Counts the whole table, then keeps its transaction open for a while."""

    def __init__(self, name, seconds):
        super().__init__()
        self.name_of_database, self.seconds = name, seconds
        self.reads = threading.Event()

    def run(self):
        cursor = connect(self.name_of_database).cursor()
        until = time.monotonic() + self.seconds
        cursor.execute("BEGIN; SELECT FROM public.audit_events LIMIT 1")
        self.reads.set()
        time.sleep(max(0.0, until - time.monotonic()))
        cursor.execute("COMMIT")


class GaplessReaders:
    """From __enter__ to __exit__ somebody is always reading: each begins before the last ends."""

    def __init__(self, name, seconds):
        self.name, self.seconds = name, seconds
        self.stop = threading.Event()

    def __enter__(self):
        self.starter = threading.Thread(target=self._start)
        self.starter.start()
        return self

    def _start(self):
        readers = []
        while not self.stop.is_set():
            readers.append(Reader(self.name, self.seconds))
            readers[-1].start()
            self.stop.wait(self.seconds / 2)
        for reader in readers:
            reader.join()

    def __exit__(self, *_):
        self.stop.set()
        self.starter.join()
