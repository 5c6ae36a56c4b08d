# SPDX-License-Identifier: Apache-2.0
"""Counting checks, running commands, waiting with a bound: what every part shares."""
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

passed = 0
failed = 0


class Abandoned(Exception):
    """The rest of a part makes no sense any more; the reason is already counted."""


def check(name, ok, detail=""):
    """One line for one check. `detail` is shown when it failed."""
    global passed, failed
    if ok:
        passed += 1
        print(f"ok      {name}", flush=True)
    else:
        failed += 1
        print(f"FAILED  {name}", flush=True)
        for line in str(detail).rstrip().splitlines()[-30:]:
            print(f"        | {line}", flush=True)
    return bool(ok)


def must(name, ok, detail=""):
    """A check without which the part cannot go on."""
    if not check(name, ok, detail):
        raise Abandoned(name)


def check_equal(name, got, wanted, detail=""):
    return check(name, got == wanted, f"got {got!r}, wanted {wanted!r}\n{detail}")


def note(text):
    print(f"--      {text}", flush=True)


class Ran:
    """How a command ended: `code`, `out`, `err`, `seconds`."""

    def __init__(self, code, out, err, seconds):
        self.code, self.out, self.err, self.seconds = code, out, err, seconds

    @property
    def text(self):
        return self.out + self.err

    def __str__(self):
        return f"exit {self.code} after {self.seconds:.1f} s\n{self.text}"


def run(*command, timeout=60, env=None, stdin=None, cwd=None):
    """Runs a command to its end; one that takes too long is killed and has code None."""
    started = time.monotonic()
    process = subprocess.Popen([str(part) for part in command], stdin=subprocess.PIPE, cwd=cwd,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               errors="replace", env={**os.environ, **(env or {})},
                               start_new_session=True)
    try:
        out, err = process.communicate(stdin, timeout=timeout)
        code = process.returncode
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        code = None
    return Ran(code, out, err, time.monotonic() - started)


def wait_until(condition, seconds, pause=0.1):
    """Polls until `condition()` is true or time is up; gives its last value, errors as false."""
    end = time.monotonic() + seconds
    while True:
        try:
            value = condition()
        except (OSError, ValueError, KeyError):
            value = None
        if value or time.monotonic() > end:
            return value
        time.sleep(pause)


def get(url, headers=None, timeout=5):
    """(status, body) of a GET; (0, reason) when nothing answers."""
    request = urllib.request.Request(url, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError as error:
        return 0, str(error)


def get_json(url):
    return json.loads(get(url)[1])


def missing(*commands):
    """Those of `commands` that are not installed."""
    from shutil import which
    return [command for command in commands if not which(command)]


def finish():
    print(f"{passed} passed, {failed} failed", flush=True)
    sys.exit(1 if failed else 0)
