# SPDX-License-Identifier: Apache-2.0
"""The daemon over time: reload, stop, a database that is down, what systemd hears, secrets."""
import json
import os
import re
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import checks
import daemon
import world
from checks import check, check_equal

SECOND_OUTBOX = """
[[outbox]]
table = "public.letters"
pending = "sent_at IS NULL"
"""


def start_and_serve():
    name = world.database()
    with daemon.Daemon(world.settings(name), notify=True) as running:
        check("systemd hears READY=1 and what goes on", running.notify.heard("READY=1")
              and running.notify.heard("STATUS=keeping"), running.notify.said)
        check("the event loop feeds the watchdog", running.notify.heard("WATCHDOG=1", 5))
        check("the daemon becomes ready and every task passes",
              running.ready() and running.passes(), running.log())
        check_equal("partitions appear by themselves", world.partitions(name), 3)
        answers = {path: running.get(path)[0] for path in ("/health", "/ready", "/", "/nowhere")}
        check_equal("every path answers as documented", answers,
                    {"/health": 200, "/ready": 200, "/": 200, "/nowhere": 404})
        metrics = running.get("/metrics")[1]
        series = [running.metric("pgcaretaker_partition_default_rows", table="public.events"),
                  running.metric("pgcaretaker_outbox_rows", table="public.outbox", state="done"),
                  running.metric("pgcaretaker_pool_level", pool="server")]
        check_equal("every configured subject has its series", series, [0, 0, 0], metrics)
        if checks.missing("promtool"):
            checks.note("promtool is not installed: /metrics is not linted")
        else:
            ran = checks.run("promtool", "check", "metrics", stdin=metrics)
            check("promtool check metrics finds nothing",
                  ran.code == 0 and not ran.text.strip(), ran)
        lines = running.log().splitlines()
        check("off a terminal the log is JSON, one object a line",
              lines and all("message" in json.loads(line) for line in lines), running.log())
        running.signal(signal.SIGTERM)
        code, seconds = running.wait(12)
        check("an idle daemon stops at once and exits 0", code == 0 and seconds < 5,
              f"exit {code} after {seconds:.1f} s\n{running.log()}")
        check("systemd hears STOPPING=1", running.notify.heard("STOPPING=1", 1),
              running.notify.said)


def reload():
    name = world.database(world.EVENTS + "CREATE TABLE public.letters (id bigint PRIMARY KEY, "
                          "sent_at timestamptz, created_at timestamptz);")
    with daemon.Daemon(world.settings(name), notify=True) as running:
        running.passes()
        good = running.config.read_text() + SECOND_OUTBOX

        def letters():
            return running.metric("pgcaretaker_outbox_rows", table="public.letters",
                                  state="pending")

        check_equal("a table that is not configured has no series", letters(), None)

        running.notify.forget()
        running.config.write_text(good)
        running.signal(signal.SIGHUP)
        check("a good file takes effect without a restart",
              checks.wait_until(lambda: letters() == 0, 10), running.log())
        check("systemd hears RELOADING=1 and READY=1 again",
              running.notify.heard("RELOADING=1") and running.notify.heard("READY=1"),
              running.notify.said)

        running.config.write_text(good + "\n[htp]\n")
        running.signal(signal.SIGHUP)
        check("a bad file is logged with its place", checks.wait_until(
            lambda: re.search(rf"{running.config}:\d+:\d+", running.log()), 10), running.log())
        success = "pgcaretaker_config_last_reload_successful"
        check("... turns the metric to 0", checks.wait_until(
            lambda: running.metric(success) == 0, 5), running.metric(success))
        check("... and the old settings stay", letters() == 0
              and running.get("/ready")[0] == 200, running.get("/ready"))

        running.config.write_text(good)
        running.signal(signal.SIGHUP)
        check("the next good file clears it", checks.wait_until(
            lambda: running.metric(success) == 1, 10), running.log())
        check_equal("the process is still the same", running.process.poll(), None)


def blocked_daemon():
    """A daemon in the middle of a step that waits for a lock, and who holds it."""
    name = world.database()
    other = world.session(name, "BEGIN; LOCK TABLE public.events IN SHARE UPDATE EXCLUSIVE MODE;")
    running = daemon.Daemon(world.settings(name, partition='lock_timeout = "10s"'))
    waits = checks.wait_until(lambda: daemon.psql(
        f"SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database "
        f"WHERE NOT granted AND datname = '{name}'") != "0", 15)
    if not waits:
        log = running.log()
        running.end()
        world.leave(other)
        check("a step waits for the lock that another session holds", False, log)
        raise checks.Abandoned("nothing to interrupt")
    return name, running, other


def address_in_use():
    name = world.database()

    def refused(listen):
        with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
            file.write(world.settings(name).replace("127.0.0.1:0", listen))
            file.flush()
            return daemon.once("run", "-c", file.name)

    with tempfile.TemporaryDirectory(prefix="pgcaretaker-system.") as folder:
        path = f"{folder}/http.sock"
        other = socket.socket(socket.AF_UNIX)
        other.bind(path)
        other.listen()
        with daemon.Daemon(world.settings(name)) as running:
            address = running.url.removeprefix("http://")
            ran = refused(address)
            check("a port in use exits 69, which a supervisor tries again, in one line",
                  ran.code == 69 and ran.err.count("\n") == 1 and address in ran.err, ran)
            config = running.config.read_text()
            running.config.write_text(config.replace("127.0.0.1:0", f"unix:{path}"))
            running.signal(signal.SIGHUP)
            check("a reload onto an address in use keeps the old one", checks.wait_until(
                lambda: "not reloaded" in running.log(), 10)
                and running.get("/health")[0] == 200, running.log())
        ran = refused(f"unix:{path}")
        check("so does a socket that somebody listens on", ran.code == 69 and path in ran.err, ran)
        other.close()
        stale = Path(path)
        check("its file stays when that one has gone", stale.is_socket())
        toml = world.settings(name).replace("127.0.0.1:0", f"unix:{path}")
        config = Path(folder, "pgcaretaker.toml")
        config.write_text(toml)
        process = subprocess.Popen([daemon.binary(), "run", "-c", config],
                                   stderr=subprocess.PIPE, text=True)
        try:
            first = process.stderr.readline()
            check("... and does not count as in use", "started" in first, first)
        finally:
            process.terminate()
            process.communicate(timeout=15)
    ran = refused("192.0.2.1:9791")
    check("an address of another machine is configuration: 78", ran.code == 78, ran)


def drain():
    name, running, other = blocked_daemon()
    with running:
        running.signal(signal.SIGTERM)
        code, seconds = running.wait(12)
        check("SIGTERM in the middle of a step exits 0 within 10 s", code == 0 and seconds < 10,
              f"exit {code} after {seconds:.1f} s\n{running.log()}")
    sessions = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}'"
    check("... and leaves no session behind",
          checks.wait_until(lambda: daemon.psql(sessions) == "1", 5), daemon.psql(sessions))
    world.leave(other)
    check_equal("... and nothing half done", daemon.psql(
        "SELECT count(*) FROM pg_class WHERE relname LIKE 'events_y%'", name), "0")

    name, running, other = blocked_daemon()
    with running:
        running.signal(signal.SIGTERM)
        checks.wait_until(lambda: running.get("/ready")[0] == 503, 2, 0.02)
        running.signal(signal.SIGTERM)
        code, seconds = running.wait(5)
        check("a second SIGTERM leaves at once with 130", code == 130 and seconds < 2,
              f"exit {code} after {seconds:.1f} s\n{running.log()}")
    world.leave(other)


def killed():
    name = world.database()
    with daemon.Daemon(world.settings(name)) as running:
        running.ready()
        running.signal(signal.SIGKILL)
        running.wait(5)
    with daemon.Daemon(world.settings(name)) as running:
        check("after kill -9 the next daemon takes the lease and is ready", running.ready(),
              running.log())


def database_down():
    control = os.environ["PGC_TEST_PGCTL"]
    name = world.database()
    checks.run(control, "stop")
    try:
        with daemon.Daemon(world.settings(name)) as running:
            def state():
                return running.get("/health")[0], running.get("/ready")[0]

            check("without a database the daemon starts, alive and not ready",
                  checks.wait_until(lambda: state() == (200, 503), 10), running.log())
            check("/ready says why", "database is down" in running.get("/ready")[1],
                  running.get("/ready"))
            check_equal("the metric says it too", running.metric("pgcaretaker_database_up"), 0)
            ran = daemon.once("status", "--url", running.url)
            check("status exits 1 for a daemon without database", ran.code == 1, ran)
            checks.run(control, "start")
            check("once the database comes, it becomes ready by itself", running.ready(40),
                  running.get("/ready"))
            check("... and does its work", running.passes(40) and world.partitions(name) == 3,
                  running.log())
            checks.run(control, "kill")
            check("a database that goes away is a state, not a crash",
                  checks.wait_until(lambda: state() == (200, 503), 15), running.log())
            checks.run(control, "start")
            check("... from which it recovers", running.ready(40), running.get("/ready"))
            check_equal("... as the same process", running.process.poll(), None)
    finally:
        checks.run(control, "start")


def secrets():
    secret, bearer = "tell-nobody-4711", "bearer-of-the-news-0815"
    name = world.database()
    with tempfile.TemporaryDirectory(prefix="pgcaretaker-system.") as folder:
        Path(folder, "password").write_text(secret + "\n")
        Path(folder, "bearer").write_text(bearer + "\n")
        toml = world.settings(name, database_keys=f'password_file = "{folder}/password"').replace(
            "[http]", f'[http]\nmetrics_bearer_file = "{folder}/bearer"')
        wrong_server = f"postgresql://keeper@127.0.0.1:1/{name}"
        with daemon.Daemon(toml, ["--log-level", "trace"], env={"PGPASSWORD": secret}) as running:
            checks.wait_until(lambda: running.get("/ready")[0] == 200, 20)
            check("without the bearer /status and /metrics say 401",
                  running.get("/status")[0] == 401 and running.get("/metrics")[0] == 401)
            with_bearer = {"Authorization": f"Bearer {bearer}"}
            answers = [running.get(path, with_bearer)
                       for path in ("/status", "/metrics", "/", "/ready")]
            check_equal("with it they answer", [answer[0] for answer in answers], [200] * 4)
            running.config.write_text(toml.replace(world.server_dsn(name), wrong_server))
            running.signal(signal.SIGHUP)
            checks.wait_until(lambda: running.get("/ready")[0] == 503, 10)
            time.sleep(0.5)
            answers += [running.get(path, with_bearer) for path in ("/status", "/", "/ready")]
            running.config.write_text(toml + "\nx =")
            running.signal(signal.SIGHUP)
            checks.wait_until(lambda: "not reloaded" in running.log(), 10)
            argv = Path(f"/proc/{running.process.pid}/cmdline").read_text()
            text = argv + running.log() + "".join(answer[1] for answer in answers)
            status = daemon.once("status", "-c", running.config, "--url", running.url)
            text += status.text
        check("no secret is in the log, in an answer, in an error or in argv",
              secret not in text and bearer not in text,
              "\n".join(line for line in text.splitlines() if secret in line or bearer in line))


def main():
    for part in (start_and_serve, reload, address_in_use, drain, killed, database_down, secrets):
        part()
