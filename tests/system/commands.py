# SPDX-License-Identifier: Apache-2.0
"""The one-shot commands of the binary on a real server: what each says and how it exits."""
import json
import re
import tempfile
from pathlib import Path

import checks
import daemon
import world
from checks import ROOT, check, check_equal, wait_until

COMMANDS = ("run", "once", "plan", "status", "check-config")


def one_line(text):
    return text.count("\n") == 1 and text.endswith("\n")


def command_line():
    ran = daemon.once("--version")
    check("--version exits 0 and names version and libraries",
          ran.code == 0 and re.search(r"pgcaretaker \d+\.\d+\.\d+", ran.out)
          and all(each in ran.out for each in ("libpq", "Boost", "zstd", "OpenSSL")), ran)
    ran = daemon.once("--help")
    check("--help exits 0 and lists every command",
          ran.code == 0 and all(command in ran.out for command in COMMANDS), ran)
    for command in COMMANDS:
        ran = daemon.once(command, "--help")
        check(f"{command} --help exits 0 and shows how to type it",
              ran.code == 0 and f"pgcaretaker {command}" in ran.out, ran)
    wrong = {
        "no command": [],
        "an unknown command": ["sweep"],
        "an unknown option": ["once", "--fast"],
        "an option of another command": ["check-config", "--json"],
        "--set without a value": ["check-config", "--set", "log.level"],
        "an unknown log level": ["check-config", "--log-level", "loud"],
    }
    for what, arguments in wrong.items():
        ran = daemon.once(*arguments)
        check(f"{what} exits 64 with one line that says what to type instead",
              ran.code == 64 and one_line(ran.err) and not ran.out, ran)


def wrong_configurations(folder):
    """Every file of tests/unit/config/bad, with the lines it must give beside it."""
    bad = sorted((ROOT / "tests/unit/config/bad").glob("*.toml"))
    check("there are at least 20 wrong configurations", len(bad) >= 20, len(bad))
    for path in bad:
        wanted = path.with_suffix(".expected").read_text()
        for command in ("check-config", "run"):
            ran = checks.run(daemon.binary(), command, "-c", path.name, cwd=path.parent)
            check(f"{command} refuses {path.name} with 78 and the expected lines",
                  ran.code == 78 and wanted and ran.err == wanted and not ran.out,
                  f"{ran}\nwanted:\n{wanted}")
    ran = daemon.once("once", "-c", folder / "absent.toml")
    check("a missing file exits 78 and is named",
          ran.code == 78 and "absent.toml" in ran.err and one_line(ran.err), ran)
    path = folder / "two.toml"
    path.write_text("[database]\nconnections = 0\n[htp]\n[lease]\nenabled = 3\n")
    ran = daemon.once("check-config", "-c", path)
    check("all problems of a file come at once, with line and column",
          ran.code == 78 and all(f"{path}:{line}:" in ran.err for line in (2, 3, 5)), ran)


def effective_settings(folder):
    path = folder / "good.toml"
    path.write_text(world.settings("nowhere", dsn="postgresql://me@db/x"))
    ran = daemon.once("check-config", "-c", path, "--set", "partition.0.ahead=5")
    check("check-config exits 0 and shows overrides",
          ran.code == 0 and re.search(r"ahead\s*=\s*5", ran.out), ran)
    refused = daemon.once("check-config", "-c", path, "--set",
                          "database.dsn=postgresql://me:hunter2secret@db/x")
    check("a password in the dsn is refused without being shown",
          refused.code == 78 and "hunter2secret" not in refused.text, refused)
    echo = folder / "echo.toml"
    echo.write_text(ran.out)
    again = daemon.once("check-config", "-c", echo)
    check("what check-config prints is a configuration that means the same",
          again.code == 0 and again.out == ran.out, again)


def unreadable_dsn(folder):
    path = folder / "dsn.toml"
    path.write_text(world.settings("x", dsn="host=x pasword=y"))
    for command in ("check-config", "plan", "once", "run"):
        ran = daemon.once(command, "-c", path)
        check(f"{command} refuses a dsn that libpq cannot read with 78 and its place",
              ran.code == 78 and "dsn.toml:3:7: database.dsn: cannot be read: " in ran.err, ran)
    ran = daemon.once("check-config", "-c", path, "--set", "http.port=1")
    check("... beside every other problem", ran.code == 78 and "database.dsn: " in ran.err
          and "http.port: " in ran.err, ran)


def status_without_secrets(folder):
    path = folder / "secret.toml"
    path.write_text(world.settings("x"))
    ran = daemon.once("status", "-c", path, "--set", "http.listen=127.0.0.1:1",
                      "--set", f"database.password_file={folder}/unreadable")
    check("status asks for no password of the database", ran.code == 69, ran)


def plan_and_once(folder):
    name = world.database()
    path = folder / "plan.toml"
    path.write_text(world.settings(name))
    ran = daemon.once("plan", "-c", path)
    check("plan exits 2 when there is work and shows reason, lock and SQL",
          ran.code == 2 and "ATTACH PARTITION" in ran.out and "why:" in ran.out
          and "lock:" in ran.out, ran)
    check_equal("plan changes nothing", world.partitions(name), 0)
    copy = world.database()
    shown = ran.out[ran.out.index("BEGIN;"):ran.out.index("COMMIT;") + len("COMMIT;")]
    daemon.psql(shown.replace("    sql:  ", ""), copy)
    check_equal("the transaction that plan shows can be pasted", world.partitions(copy), 3)
    ran = daemon.once("plan", "--json", "-c", path)
    tasks = [task["task"] for task in json.loads(ran.out)["tasks"]] if ran.code == 2 else []
    check("plan --json prints every task",
          tasks == ["partition:public.events", "outbox:public.outbox", "saturation:server"], ran)
    ran = daemon.once("once", "-c", path, "--task", "outbox")
    check("once --task KIND runs that kind only",
          ran.code == 0 and world.partitions(name) == 0 and "outbox:public.outbox" in ran.out, ran)
    ran = daemon.once("once", "-c", path)
    check("once exits 0 and creates the window", ran.code == 0 and world.partitions(name) == 3, ran)
    ran = daemon.once("plan", "-c", path)
    check("plan right after once exits 0", ran.code == 0, ran)
    ran = daemon.once("once", "-c", path, "--task", "partition:public.other")
    check("an unknown task exits 64 and the known ones are named",
          ran.code == 64 and one_line(ran.err) and "outbox:public.outbox" in ran.err, ran)


def once_says_it_once(folder):
    path = folder / "terminal.toml"
    path.write_text(world.settings(world.database()))
    shown = daemon.on_terminal("once", "-c", path)
    # The table has a default and no partition yet, so that all three are one act.
    lines = [line for line in shown.splitlines() if "create public.events_y" in line]
    check("on a terminal once tells each act once", len(lines) == 1
          and lines[0].count("events_y") == 3 and ": done" in lines[0], shown)
    path.write_text(world.settings(world.database()))
    ran = daemon.once("once", "-c", path)
    check("a once that went well logs nothing",
          ran.out.count("public.events_y") == 3 and not ran.err, ran)
    path.write_text(world.settings(world.database()))
    ran = daemon.once("once", "-c", path, "--log-level", "info")
    log = [json.loads(line) for line in ran.err.splitlines()]
    check("once --log-level info logs its acts, with numbers as numbers",
          len(log) == 1 and all(isinstance(line["duration_ms"], int) for line in log), ran)


def failures(folder):
    name = world.database()
    path = folder / "failures.toml"
    path.write_text(world.settings(name))
    daemon.once("once", "-c", path)
    # Two months more than there are, and weeks to make them in.
    path.write_text(world.settings(name, partition='patience = "1s"\npress_below = 9.0')
                    .replace("ahead = 2", "ahead = 4"))
    other = world.session(name, "BEGIN; LOCK TABLE public.events IN SHARE UPDATE EXCLUSIVE MODE;")
    try:
        ran = daemon.once("once", "-c", path)
        check("once exits 1 when a lock stays in the way", ran.code == 1, ran)
        check("once logs what did not go well", '"level":"warn"' in ran.err
              and '"level":"info"' not in ran.err, ran)
    finally:
        world.leave(other)
    # The name of a partition to come is taken by a table that is none.
    name = world.database()
    path.write_text(world.settings(name))
    daemon.psql("CREATE FUNCTION pg_temp.take() RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE "
                "format('CREATE TABLE public.events_y%sm%s ()', to_char(now() AT TIME ZONE 'UTC', "
                "'YYYY'), to_char(now() AT TIME ZONE 'UTC', 'MM')); END $$; SELECT pg_temp.take()",
                name)
    ran = daemon.once("once", "-c", path)
    check("once exits 3 when a person is needed, and says for what",
          ran.code == 3 and "critical [name_clash] public.events_y" in ran.out, ran)
    check_equal("what is not in the way is done all the same", world.partitions(name), 2)
    ran = daemon.once("once", "-c", path, "--task", "partition:public.events",
                      "--set", "partition.0.table=public.nowhere")
    check("a task name is the one of the effective settings", ran.code == 64, ran)
    path.write_text(world.settings(name, dsn="host=127.0.0.1 port=1 dbname=x user=x"))
    for command in ("once", "plan"):
        ran = daemon.once(command, "-c", path)
        check(f"{command} exits 69 with one line when there is no database",
              ran.code == 69 and one_line(ran.err), ran)
    ran = daemon.once("status", "-c", path, "--url", "http://127.0.0.1:1")
    check("status exits 69 with one line when nothing listens",
          ran.code == 69 and one_line(ran.err), ran)
    ran = daemon.once("status", "--url", "localhost")
    check("status exits 64 with one line that says how a url is written",
          ran.code == 64 and one_line(ran.err) and "http://HOST:PORT" in ran.err, ran)


def shows_code(ran):
    return "  info [retention_paused] public.events: max_drops = 0" in ran.out


def lease_and_status():
    name = world.database()
    paused = 'retention = "365 days"\nexpire = "drop"\nmax_drops = 0'
    with daemon.Daemon(world.settings(name, partition=paused)) as running:
        check("a new daemon becomes ready", running.ready(), running.log())
        ran = daemon.once("once", "-c", running.config)
        check("once exits 75 with one line while a daemon holds the lease",
              ran.code == 75 and one_line(ran.err), ran)
        ran = daemon.once("status", "--url", running.url)
        check("status exits 0 for a healthy daemon", ran.code == 0 and ": ready" in ran.out, ran)
        check("... and shows its findings with their codes", wait_until(
            lambda: shows_code(daemon.once("status", "--url", running.url)), 10, 0.2), ran)
        ran = daemon.once("status", "--json", "--url", running.url)
        check("status --json prints the daemon's own words",
              ran.code == 0 and json.loads(ran.out)["ready"] is True, ran)
        ran = daemon.once("plan", "-c", running.config)
        check("plan needs no lease", ran.code in (0, 2), ran)
        check("plan shows findings as status does", shows_code(ran), ran)


def main():
    with tempfile.TemporaryDirectory(prefix="pgcaretaker-system.") as name:
        folder = Path(name)
        command_line()
        wrong_configurations(folder)
        effective_settings(folder)
        unreadable_dsn(folder)
        status_without_secrets(folder)
        plan_and_once(folder)
        once_says_it_once(folder)
        failures(folder)
        lease_and_status()
