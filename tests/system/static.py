# SPDX-License-Identifier: Apache-2.0
"""What stands around the daemon, beyond what the lint reads."""
import re

import checks
from checks import ROOT, check

UNIT = ROOT / "systemd/pgcaretaker.service"
RULES = ROOT / "config/prometheus"


def unit():
    codes = {name: int(value) for name, value in
             re.findall(r"(\w+) = (\d+),", (ROOT / "daemon/exit_code.hpp").read_text())}
    prevented = re.search(r"^RestartPreventExitStatus=(.*)$", UNIT.read_text(), re.M)[1].split()
    check("the unit does not restart after wrong usage and bad configuration",
          prevented == [str(codes["usage"]), str(codes["configuration"])], prevented)


def runbooks():
    text = (RULES / "alerts.yml").read_text()
    names = re.findall(r"- alert: (\w+)", text)
    links = re.findall(r"runbook_url: docs/operations\.md#(\w+)", text)
    check("every alert links to the section of its own name", names and links == [
        name.lower() for name in names], links)
    tested = (RULES / "alerts_test.yml").read_text()
    check("every alert is tested", all(name in tested for name in names),
          [name for name in names if name not in tested])


def compose():
    if checks.missing("docker-compose"):
        checks.note("docker-compose is not installed: docker-compose.yml is not parsed")
        return
    ran = checks.run("docker-compose", "-f", ROOT / "docker-compose.yml", "config")
    check("docker-compose accepts docker-compose.yml", ran.code == 0, ran)
    check("defaults of the PostgreSQL settings are those of the manual", all(
        text in ran.out for text in (
            "max_connections=100", "shared_buffers=256MB", "effective_cache_size=1GB",
            "work_mem=8MB", "log_min_duration_statement=500")), ran)
    ran = checks.run("docker-compose", "-f", ROOT / "docker-compose.yml", "config", env={
        "POSTGRES_MAX_CONNECTIONS": "41", "POSTGRES_SHARED_BUFFERS": "42MB",
        "POSTGRES_EFFECTIVE_CACHE_SIZE": "43MB", "POSTGRES_WORK_MEM": "44kB",
        "POSTGRES_LOG_MIN_DURATION_MS": "45"})
    check("... and the environment overrides them", all(
        text in ran.out for text in (
            "max_connections=41", "shared_buffers=42MB", "effective_cache_size=43MB",
            "work_mem=44kB", "log_min_duration_statement=45")), ran)


def main():
    unit()
    runbooks()
    compose()
