# SPDX-License-Identifier: Apache-2.0
"""Runs the daemon, watches it do nothing much, prints what that took. Called by idle.sh."""

import http.client
import os
import pathlib
import re
import socket
import statistics
import subprocess
import sys
import time

SETTLE_SECONDS = 5  # tasks start staggered; their first passes are not idle
SCRAPES = 1000
STATEMENT = re.compile(rb"^caretaker LOG:  (?:statement|execute [^:]*): ", re.MULTILINE)


def prepare() -> None:
    """The demo's database, with every statement of the daemon's role going to the server's log."""
    subprocess.run(["tests/demo/prepare.sh"], check=True)
    subprocess.run(["psql", "-Xqc", "ALTER ROLE caretaker SET log_statement = 'all'"], check=True)
    os.environ["PGDATABASE"] = "controlplane"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answer(port: int, path: str) -> int:
    """HTTP status, 0 while nobody answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except OSError:
        return 0
    finally:
        connection.close()


def wait_until_ready(daemon: subprocess.Popen, port: int, started: float) -> float:
    while answer(port, "/ready") != 200:
        if daemon.poll() is not None:
            sys.exit(f"bench: the daemon ended with status {daemon.returncode}")
        if time.monotonic() - started > 60:
            sys.exit("bench: the daemon was not ready after 60 s")
        time.sleep(0.002)
    return time.monotonic() - started


def cpu_seconds(pid: int) -> float:
    """Time on a processor of all threads, in nanoseconds' precision, unlike /proc/PID/stat."""
    threads = pathlib.Path(f"/proc/{pid}/task").iterdir()
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9


def resident_mib(pid: int) -> float:
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"^VmRSS:\s+(\d+) kB", status, re.MULTILINE).group(1)) / 1024


def statements() -> int:
    log = pathlib.Path(os.environ["PGC_TEST_CLUSTER"], "server.log").read_bytes()
    return len(STATEMENT.findall(log))


def scrape_milliseconds(port: int) -> list[float]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.connect()
    connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    times = []
    for _ in range(SCRAPES):
        before = time.perf_counter()
        connection.request("GET", "/metrics")
        response = connection.getresponse()
        response.read()
        times.append((time.perf_counter() - before) * 1000)
        if response.status != 200:
            sys.exit(f"bench: /metrics answered {response.status}")
    connection.close()
    return times


def main() -> None:
    seconds = int(sys.argv[1])
    binary = os.environ.get("PGCARETAKER_BINARY", "build/release/daemon/pgcaretaker")
    prepare()
    port = free_port()
    log_path = pathlib.Path(os.environ["PGC_TEST_CLUSTER"], "daemon.log")
    with log_path.open("wb") as log:
        started = time.monotonic()
        daemon = subprocess.Popen(
            [binary, "run", "-c", "tests/bench/idle.toml",
             "--set", f"http.listen=127.0.0.1:{port}"],
            stdout=log, stderr=log)
    try:
        ready = wait_until_ready(daemon, port, started)
        time.sleep(SETTLE_SECONDS)
        cpu, asked, since = cpu_seconds(daemon.pid), statements(), time.monotonic()
        time.sleep(seconds)
        elapsed = time.monotonic() - since
        cpu, asked = cpu_seconds(daemon.pid) - cpu, statements() - asked
        memory = resident_mib(daemon.pid)
        times = scrape_milliseconds(port)
    finally:
        if daemon.poll() is None:
            daemon.terminate()
        if daemon.wait(timeout=15) != 0:
            sys.stderr.write(log_path.read_text())
            sys.exit(f"bench: the daemon ended with status {daemon.returncode}")

    print(f"Idle for {elapsed:.0f} s, two outboxes, one partitioned table, three pools:\n")
    print("| what | figure |")
    print("|---|---|")
    print(f"| memory (RSS) | {memory:.1f} MiB |")
    print(f"| CPU | {cpu / elapsed * 3600:.1f} s per hour |")
    print(f"| statements | {asked / elapsed * 60:.0f} per minute |")
    print(f"| start to ready | {ready * 1000:.0f} ms |")
    print(f"| /metrics, median of {SCRAPES} | {statistics.median(times):.2f} ms |")
    print(f"| /metrics, p99 of {SCRAPES} | {statistics.quantiles(times, n=100)[98]:.2f} ms |")


if __name__ == "__main__":
    main()
