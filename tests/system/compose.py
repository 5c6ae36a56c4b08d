# SPDX-License-Identifier: Apache-2.0
"""docker-compose.yml for real: image built, everything up and scraped, then taken down again."""
import json
import re
import shutil
import socket
import tempfile
import urllib.parse
from pathlib import Path

import checks
import engine
from checks import ROOT, check, check_equal, must, note, wait_until

POSTGRES = {"POSTGRES_MAX_CONNECTIONS": "41", "POSTGRES_SHARED_BUFFERS": "42MB",
            "POSTGRES_EFFECTIVE_CACHE_SIZE": "44MB", "POSTGRES_WORK_MEM": "1MB",
            "POSTGRES_LOG_MIN_DURATION_MS": "45"}
SHOWN = {"max_connections": "41", "shared_buffers": "42MB", "effective_cache_size": "44MB",
         "work_mem": "1MB", "log_min_duration_statement": "45ms"}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


class Project:
    """A copy of the tree with secrets in it, and docker-compose at work there."""

    def __init__(self, docker_engine, folder):
        self.docker = docker_engine.docker
        self.folder = Path(folder) / "pgcaretaker"
        shutil.copytree(ROOT, self.folder, symlinks=True,
                        ignore=shutil.ignore_patterns("build", ".git", "secrets", "__pycache__"))
        self.ports = {"PGCARETAKER_PORT": free_port(), "PROMETHEUS_PORT": free_port()}
        self.environment = {**docker_engine.environment, **POSTGRES, **self.ports,
                            "COMPOSE_PROJECT_NAME": "pgcaretaker-system"}

    def compose(self, *arguments, timeout=120):
        return checks.run("docker-compose", *arguments, timeout=timeout, env=self.environment,
                          cwd=self.folder)

    def make_secrets(self):
        """The manual's own words, from the head of docker-compose.yml."""
        manual = (self.folder / "docker-compose.yml").read_text()
        commands = re.findall(r"^#     (mkdir .*|for name .*|chmod .*)$", manual, re.M)
        ran = checks.run("sh", "-ec", "\n".join(commands), cwd=self.folder)
        must("the manual's commands make the secrets", ran.code == 0 and len(commands) == 3, ran)
        return [(self.folder / f"secrets/{name}-password").read_text().strip()
                for name in ("postgres", "pgcaretaker")]

    def container(self, service):
        return self.compose("ps", "--quiet", service).out.strip()

    def inspect(self, service):
        return json.loads(self.docker("inspect", self.container(service)).out)[0]

    def health(self, service):
        return self.inspect(service)["State"].get("Health", {}).get("Status")

    def psql(self, sql):
        return self.compose("exec", "-T", "postgres", "psql", "-X", "-A", "-t", "-U", "postgres",
                            "-d", "caracal", "-c", sql).out.strip()

    def prometheus(self, path, **parameters):
        url = f"http://127.0.0.1:{self.ports['PROMETHEUS_PORT']}/api/v1/{path}"
        return checks.get_json(f"{url}?{urllib.parse.urlencode(parameters)}")["data"]

    def log(self, service="pgcaretaker"):
        return self.compose("logs", "--no-color", "--tail=40", service).text


def up(project):
    note("docker-compose up --build: compiling takes some minutes the first time")
    ran = project.compose("up", "--detach", "--build", timeout=2400)
    must("docker-compose up builds and starts everything", ran.code == 0,
         f"{ran}\n{project.log('postgres')}")
    note(f"up after {ran.seconds:.0f} s")
    check("pgcaretaker becomes healthy", wait_until(
        lambda: project.health("pgcaretaker") == "healthy", 90, 1),
        f"{project.inspect('pgcaretaker')['State']}\n{project.log()}")
    count = project.psql("SELECT count(*) FROM pg_inherits "
                         "WHERE inhparent = 'audit_events'::regclass")
    # The current month, three ahead, and the default.
    check_equal("partitions appear in the database", count, "5", project.log())
    check_equal("what was created is in the journal", project.psql(
        "SELECT count(*) FROM pgcaretaker.journal WHERE action = 'create' AND login = "
        "'caretaker'"), "4", project.log())
    shown = {name: project.psql(f"SHOW {name}") for name in SHOWN}
    check_equal("PostgreSQL runs with the settings of the environment", shown, SHOWN)


def confined(project):
    for service in ("postgres", "pgcaretaker", "prometheus"):
        host = project.inspect(service)["HostConfig"]
        check(f"{service} runs read-only, without capabilities and new privileges",
              host["ReadonlyRootfs"] and host["CapDrop"] == ["ALL"]
              and "no-new-privileges:true" in host["SecurityOpt"], host)
    ran = project.compose("exec", "-T", "pgcaretaker", "id", "-u")
    check_equal("the image's user is a number and not root", ran.out.strip(), "64000", ran)
    size = json.loads(project.docker("image", "inspect", "pgcaretaker").out)[0]["Size"]
    note(f"the image has {size / 1e6:.0f} MB")


def scraped(project):
    def target():
        return [each["health"] for each in project.prometheus("targets")["activeTargets"]]

    check("Prometheus has its target up", wait_until(lambda: target() == ["up"], 60, 1), target())
    query = 'pgcaretaker_partition_window_seconds{table="public.audit_events"} > 86400'
    check("Prometheus has the series of the table", wait_until(
        lambda: len(project.prometheus("query", query=query)["result"]) == 1, 60, 1),
        project.prometheus("query", query="{__name__=~'pgcaretaker_.*'}"))
    groups = project.prometheus("rules")["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    check("Prometheus has loaded the alerts", len(rules) > 10, rules)
    check("... and every rule evaluates", wait_until(lambda: all(
        rule["health"] == "ok" for group in project.prometheus("rules")["groups"]
        for rule in group["rules"]), 60, 1), project.prometheus("rules"))
    firing = [alert["labels"]["alertname"] for alert in project.prometheus("alerts")["alerts"]
              if alert["state"] == "firing"]
    check_equal("no alert fires on a healthy set", firing, [])


def secrets_kept(project, secrets):
    text = "".join(json.dumps(project.inspect(service)) + project.log(service)
                   for service in ("postgres", "pgcaretaker", "prometheus"))
    text += checks.get(f"http://127.0.0.1:{project.ports['PGCARETAKER_PORT']}/status")[1]
    text += project.docker("history", "--no-trunc", "pgcaretaker").out
    check("no password is in a log, an inspection, the image's history or /status",
          all(secret and secret not in text for secret in secrets))


def unhealthy_and_back(project):
    project.compose("stop", "postgres")
    check("without its database pgcaretaker turns unhealthy", wait_until(
        lambda: project.health("pgcaretaker") == "unhealthy", 90, 1), project.log())
    project.compose("start", "postgres")
    check("... and healthy again when it is back", wait_until(
        lambda: project.health("pgcaretaker") == "healthy", 90, 1), project.log())
    identity = project.inspect("pgcaretaker")
    check_equal("... without a restart", identity["RestartCount"], 0)
    ran = project.compose("stop", "pgcaretaker")
    code = json.loads(project.docker("inspect", identity["Id"]).out)[0]["State"]["ExitCode"]
    check("docker-compose stop is clean", code == 0 and ran.seconds < 12, f"exit {code}: {ran}")


def main():
    with engine.Engine() as docker_engine, tempfile.TemporaryDirectory(
            prefix="pgcaretaker-system.") as folder:
        docker_engine.need_debian()
        docker_engine.need_service("postgres:15", "postgres")
        docker_engine.need_service("prom/prometheus", "prometheus")
        project = Project(docker_engine, folder)
        secrets = project.make_secrets()
        try:
            up(project)
            confined(project)
            scraped(project)
            secrets_kept(project, secrets)
            unhealthy_and_back(project)
        finally:
            ran = project.compose("down", "--volumes", "--timeout", "15")
            ours = "label=com.docker.compose.project=pgcaretaker-system"
            left = (project.docker("ps", "--all", "--quiet", "--filter", ours).out
                    + project.docker("volume", "ls", "--quiet", "--filter", ours).out)
            check("docker-compose down --volumes leaves nothing",
                  ran.code == 0 and not left.strip(), f"{ran}{left}")
