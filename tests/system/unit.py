# SPDX-License-Identifier: Apache-2.0
"""The installed unit under a real systemd, in a container that boots like a machine."""
import re
import shutil
import tempfile
from pathlib import Path

import checks
import daemon
import engine
import world
from checks import check, check_equal, must, wait_until

IMAGE = "pgcaretaker-systemd"
CONFIG = "/etc/pgcaretaker/pgcaretaker.toml"
PASSWORD = "only-root-may-read-this"
SETTINGS = world.settings("unit", dsn="host=127.0.0.1 dbname=kept user=caretaker").replace(
    "127.0.0.1:0", "127.0.0.1:9791")


class Machine:
    """A booted container; use it with `with`."""

    def __init__(self, docker):
        self.docker = docker

    def __enter__(self):
        # SYS_PTRACE: systemd looks into its children's /proc, which ProtectProc= hides from others.
        ran = self.docker("run", "--detach", "--cap-add", "SYS_ADMIN", "--cap-add", "SYS_PTRACE",
                          "--security-opt", "seccomp=unconfined", "--tmpfs", "/run",
                          "--tmpfs", "/tmp", "--volume", "/sys/fs/cgroup:/sys/fs/cgroup",
                          "--cgroupns", "host", IMAGE)
        must("a container with systemd starts", ran.code == 0, ran)
        self.id = ran.out.strip()
        return self

    def __exit__(self, *_):
        self.docker("rm", "--force", "--volumes", self.id)

    def run(self, command, timeout=60, stdin=None):
        return self.docker("exec", "--interactive", self.id, "sh", "-c", command, timeout=timeout,
                           stdin=stdin)

    def write(self, path, text, mode="640", group="pgcaretaker"):
        ran = self.run(f"cat >{path} && chown root:{group} {path} && chmod {mode} {path}",
                       stdin=text)
        assert ran.code == 0, ran

    def show(self, *properties):
        """Properties of the unit, in this order."""
        out = self.run(f"systemctl show pgcaretaker -p {','.join(properties)}").out
        values = dict(line.split("=", 1) for line in out.splitlines() if "=" in line)
        return [values.get(name) for name in properties]

    def answers(self, path):
        return self.run(f"curl -s -o /dev/null -w '%{{http_code}}' http://127.0.0.1:9791{path}").out

    def log(self):
        return self.run("journalctl -u pgcaretaker --no-pager -o cat -n 40").out


def build(docker_engine):
    """The image of a machine on which `cmake --install` ran."""
    tree = daemon.binary().resolve().parents[1]
    with tempfile.TemporaryDirectory(prefix="pgcaretaker-system.") as folder:
        stage = Path(folder) / "stage"
        ran = checks.run("cmake", "--install", tree, "--prefix", "/usr",
                         env={"DESTDIR": str(stage)})
        must("cmake --install lays everything down", ran.code == 0 and all(
            (stage / path).exists() for path in (
                "usr/bin/pgcaretaker", "usr/lib/systemd/system/pgcaretaker.service",
                "usr/lib/sysusers.d/pgcaretaker.conf", "usr/lib/tmpfiles.d/pgcaretaker.conf",
                "etc/pgcaretaker/pgcaretaker.toml", "usr/share/pgcaretaker/roles.sql",
                "usr/share/pgcaretaker/journal.sql")), ran)
        check_equal("the unit is installed as it is", (
            stage / "usr/lib/systemd/system/pgcaretaker.service").read_text(),
            (checks.ROOT / "systemd/pgcaretaker.service").read_text())
        shutil.copy(engine.IMAGES / "systemd/Dockerfile", folder)
        docker_engine.need_debian()
        docker_engine.build(IMAGE, folder)


def prepare(machine):
    booted = wait_until(lambda: machine.run("systemctl is-system-running").out.strip()
                        in ("running", "degraded"), 60, 0.5)
    must("systemd boots", booted, machine.run("systemctl list-units --failed").text)
    ran = machine.run("systemd-sysusers && systemd-tmpfiles --create 2>&1; id pgcaretaker; "
                      "stat -c '%a %U %G' /etc/pgcaretaker")
    check("sysusers and tmpfiles make the user and its folder",
          "(pgcaretaker)" in ran.out and "750 root pgcaretaker" in ran.out, ran)
    ran = machine.run("pg_createcluster 15 main && systemctl start postgresql@15-main && "
                      "runuser -u postgres -- psql -v ON_ERROR_STOP=1 -f -", stdin=f"""
        CREATE ROLE caretaker LOGIN PASSWORD '{PASSWORD}' IN ROLE pg_read_all_stats;
        CREATE ROLE pgcaretaker LOGIN IN ROLE caretaker, pg_read_all_stats;
        CREATE DATABASE kept OWNER caretaker;
        \\c kept
        GRANT CREATE ON SCHEMA public TO caretaker;
        SET ROLE caretaker;
        {world.EVENTS}""")
    must("a PostgreSQL runs beside it", ran.code == 0, ran)
    machine.write(CONFIG, SETTINGS)
    machine.write("/etc/pgcaretaker/postgres-password", PASSWORD + "\n", "600", "root")


def start(machine):
    ran = machine.run("systemctl start pgcaretaker")
    must("systemctl start returns once the daemon said READY",
         ran.code == 0 and machine.show("ActiveState", "SubState") == ["active", "running"],
         f"{ran}{machine.log()}")
    check("the password comes as a credential and the daemon becomes ready",
          wait_until(lambda: machine.answers("/ready") == "200", 20, 0.5), machine.log())
    status = machine.show("StatusText")[0]
    check("systemctl status says what the daemon does", status.startswith("keeping 3 tasks"),
          status)
    pid = machine.show("MainPID")[0]
    process = machine.run(f"ps -o user= -p {pid}; cat /proc/{pid}/status").out
    check("it runs as pgcaretaker, without capabilities, under a system call filter",
          process.startswith("pgcaret") and re.search(r"CapEff:\s+0+$", process, re.M)
          and re.search(r"NoNewPrivs:\s+1", process) and re.search(r"Seccomp:\s+2", process),
          process)
    check("the journal holds plain lines", '{"' not in machine.log()
          and "started" in machine.log(), machine.log())
    text = machine.log() + machine.run(f"tr '\\0' ' ' </proc/{pid}/cmdline; "
                                       "systemctl show pgcaretaker").out
    check("the password is nowhere to be seen", PASSWORD not in text)


def reload(machine):
    pid = machine.show("MainPID")[0]
    machine.write(CONFIG, SETTINGS.replace("[lease]", "[lease]\nenabled = false"))
    ran = machine.run("systemctl reload pgcaretaker")
    check("systemctl reload takes a good file", ran.code == 0 and wait_until(
        lambda: "configuration reloaded" in machine.log(), 10, 0.5), machine.log())
    machine.write(CONFIG, SETTINGS + "\n[htp]\n")
    machine.run("systemctl reload pgcaretaker")
    errors = "journalctl -u pgcaretaker -p err -o cat"
    check("a bad file is an error in the journal", wait_until(
        lambda: f"{CONFIG}:" in machine.run(errors).out, 10, 0.5), machine.log())
    check("... and the same process stays active", wait_until(
        lambda: machine.show("ActiveState", "MainPID") == ["active", pid], 10, 0.5), machine.log())


def bad_configuration(machine):
    ran = machine.run("systemctl restart pgcaretaker")
    check("a start with a bad file fails", ran.code != 0, ran)
    # Longer than RestartSec: a restart would have come by now.
    stayed = not wait_until(lambda: machine.show("NRestarts")[0] != "0", 7, 0.5)
    state = machine.show("ActiveState", "ExecMainStatus", "NRestarts")
    check("... with status 78, and systemd does not try again",
          stayed and state == ["failed", "78", "0"], f"{state}\n{machine.log()}")
    machine.write(CONFIG, SETTINGS)
    ran = machine.run("systemctl reset-failed pgcaretaker; systemctl start pgcaretaker")
    must("with the file mended it starts", ran.code == 0, machine.log())


def watchdog(machine):
    pid = machine.show("MainPID")[0]
    machine.run(f"kill -STOP {pid}")
    # 30 s of the watchdog, 5 s of RestartSec.
    fresh = wait_until(lambda: machine.show("ActiveState", "NRestarts") == ["active", "1"], 60, 1)
    check("a daemon that hangs is killed by the watchdog and started again",
          fresh and machine.show("MainPID")[0] != pid,
          f"{machine.show('ActiveState', 'SubState', 'Result', 'NRestarts')}\n{machine.log()}")
    check("... because of the watchdog", "atchdog timeout" in machine.run(
        "journalctl -b -o cat --no-pager").out)
    check("... and is ready again", wait_until(lambda: machine.answers("/ready") == "200", 20, 0.5),
          machine.log())


def stop(machine):
    ran = machine.run("systemctl stop pgcaretaker")
    state = machine.show("ActiveState", "Result", "ExecMainStatus")
    check("systemctl stop is clean and quick",
          ran.seconds < 10 and state == ["inactive", "success", "0"],
          f"{state} after {ran.seconds:.1f} s\n{machine.log()}")


def without_password(machine):
    machine.run("mkdir -p /etc/systemd/system/pgcaretaker.service.d")
    machine.write("/etc/systemd/system/pgcaretaker.service.d/peer.conf",
                  "[Service]\nLoadCredential=\n", "644", "root")
    machine.run("rm /etc/pgcaretaker/postgres-password")
    machine.write(CONFIG, SETTINGS.replace("host=127.0.0.1", "host=/var/run/postgresql").replace(
        "user=caretaker", "user=pgcaretaker"))
    ran = machine.run("systemctl daemon-reload && systemctl start pgcaretaker")
    check("with peer authentication and no password file it is ready too",
          ran.code == 0 and wait_until(lambda: machine.answers("/ready") == "200", 20, 0.5),
          f"{ran}{machine.log()}")


def main():
    with engine.Engine() as docker_engine:
        build(docker_engine)
        with Machine(docker_engine.docker) as machine:
            for part in (prepare, start, reload, bad_configuration, watchdog, stop,
                         without_password):
                part(machine)
