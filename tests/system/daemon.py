# SPDX-License-Identifier: Apache-2.0
"""The pgcaretaker binary as a test holds it: started, asked, signalled, ended."""
import os
import pty
import re
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import checks


def binary():
    """The binary under test: $PGCARETAKER_BINARY, else the newest build."""
    named = os.environ.get("PGCARETAKER_BINARY")
    if named:
        return Path(named)
    built = [checks.ROOT / "build" / preset / "daemon/pgcaretaker" for preset in ("release", "dev")]
    built = [path for path in built if path.exists()]
    if not built:
        raise checks.Abandoned("there is no binary: run  ./dev build release")
    return built[0]


def once(*arguments, timeout=90, env=None):
    return checks.run(binary(), *arguments, timeout=timeout, env=env)


def on_terminal(*arguments):
    """Runs the binary with stdout and stderr on one terminal; gives what it shows."""
    leader, terminal = pty.openpty()
    process = subprocess.Popen([binary(), *arguments], stdin=subprocess.DEVNULL, stdout=terminal,
                               stderr=terminal)
    os.close(terminal)
    shown = b""
    try:
        while chunk := os.read(leader, 4096):
            shown += chunk
    except OSError:  # EIO: the last writer has gone
        pass
    os.close(leader)
    process.wait()
    return shown.decode()


def psql(sql, database=None, user="postgres"):
    """Runs SQL in the private cluster; gives its rows as text. A refusal is an AssertionError."""
    ran = checks.run("psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", user, "-d",
                     database or os.environ["PGDATABASE"], "-f", "-", stdin=sql)
    assert ran.code == 0, f"{sql}\n{ran}"
    return ran.out.strip()


class NotifySocket:
    """Listens as systemd does and keeps what the daemon says."""

    def __init__(self, folder):
        self.path = str(Path(folder) / "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.setblocking(False)
        self.said = []

    def heard(self, text, seconds=10):
        """True once a message with a line that starts with `text` has come."""
        def look():
            try:
                while True:
                    self.said += self.socket.recv(4096).decode().splitlines()
            except BlockingIOError:
                pass
            return any(line.startswith(text) for line in self.said)
        return bool(checks.wait_until(look, seconds, 0.02))

    def forget(self):
        self.heard("never said", 0)
        self.said = []


class Daemon:
    """`pgcaretaker run` with a file of its own; use it with `with`."""

    def __init__(self, toml, arguments=(), env=None, notify=False):
        self.folder = tempfile.TemporaryDirectory(prefix="pgcaretaker-system.")
        self.config = Path(self.folder.name) / "pgcaretaker.toml"
        self.config.write_text(toml)
        self.log_path = Path(self.folder.name) / "log"
        self.notify = NotifySocket(self.folder.name) if notify else None
        environment = {**os.environ, **(env or {})}
        if notify:
            environment |= {"NOTIFY_SOCKET": self.notify.path, "WATCHDOG_USEC": "3000000"}
        with open(self.log_path, "w") as log:
            self.process = subprocess.Popen(
                [binary(), "run", "-c", self.config, *arguments], env=environment, stdout=log,
                stderr=log, stdin=subprocess.DEVNULL)
        self.url = self._address()

    def _address(self):
        """The listening address, from the log line `started` (the port may be any)."""
        def look():
            found = re.search(r"http[\"=:/ ]+((?:127\.0\.0\.1|\[::1\]):\d+)", self.log())
            return found or self.process.poll() is not None
        found = checks.wait_until(look, 20)
        if not isinstance(found, re.Match):
            code = self.process.poll()
            self.end()
            raise checks.Abandoned(f"the daemon did not start (exit {code}):\n{self.last_log}")
        return f"http://{found[1]}"

    def log(self):
        return self.log_path.read_text(errors="replace")

    def get(self, path, headers=None):
        return checks.get(self.url + path, headers)

    def status(self):
        return checks.get_json(self.url + "/status")

    def ready(self, seconds=20):
        return checks.wait_until(lambda: self.get("/ready")[0] == 200, seconds)

    def metric(self, name, **labels):
        """The value of one series; None when it is not there."""
        for line in self.get("/metrics")[1].splitlines():
            series, _, value = line.rpartition(" ")
            if (series.partition("{")[0] == name
                    and dict(re.findall(r'(\w+)="([^"]*)"', series)) == labels):
                return float(value)
        return None

    def passes(self, seconds=20):
        """Waits until every task has ended a pass without failure; false when that took longer."""
        return checks.wait_until(lambda: all(
            task["last_success"] for task in self.status()["tasks"]), seconds)

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, seconds):
        """(exit code, seconds it took); the code is None when it did not end."""
        started = time.monotonic()
        try:
            return self.process.wait(seconds), time.monotonic() - started
        except subprocess.TimeoutExpired:
            return None, time.monotonic() - started

    def end(self):
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
            if self.wait(15)[0] is None:
                self.process.kill()
                self.process.wait()
        self.last_log = self.log() if self.log_path.exists() else ""
        self.folder.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()
