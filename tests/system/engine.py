# SPDX-License-Identifier: Apache-2.0
"""A Docker engine of our own and the images of the tests; the machine's own is not touched."""
import os
import shutil
import signal
import subprocess
from pathlib import Path

import checks
from checks import Abandoned, note, wait_until

# Kept from run to run, so that images need not be built anew: delete it to start from nothing.
CACHE = Path(os.environ.get("PGCARETAKER_CACHE", "/var/cache/pgcaretaker")) / "docker"
IMAGES = checks.ROOT / "tests/system/images"
MIRROR = os.environ.get("DEBIAN_MIRROR", "http://deb.debian.org/debian")
# What an apt inside needs to know of this machine's apt: a mirror that is a snapshot has old dates.
APT_SETTINGS = ("Acquire::Check-Valid-Until", "Acquire::Check-Date")


class Engine:
    """dockerd as a child process; use it with `with`. Its clients are `docker` and `compose`."""

    registry = True

    def __enter__(self):
        lacking = checks.missing("dockerd", "docker", "docker-compose", "debootstrap", "iptables")
        if os.geteuid() != 0:
            raise Abandoned("containers need root: run it with sudo")
        if lacking:
            raise Abandoned(f"missing {', '.join(lacking)}: run  "
                            "apt-get install docker.io docker-compose debootstrap iptables")
        self.run_dir = Path(f"/run/pgcaretaker-test-{os.getpid()}")
        self.run_dir.mkdir()
        CACHE.mkdir(parents=True, exist_ok=True)
        self.address = f"unix://{self.run_dir}/docker.sock"
        self.environment = {"DOCKER_HOST": self.address, "DOCKER_BUILDKIT": "0"}
        with open(self.run_dir / "log", "w") as log:
            self.process = subprocess.Popen(
                ["dockerd", "--data-root", CACHE, "--exec-root", self.run_dir / "exec", "--host",
                 self.address, "--pidfile", self.run_dir / "pid"],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
        if not wait_until(lambda: self.docker("version").code == 0, 60, 0.5):
            log = (self.run_dir / "log").read_text()
            self.__exit__()
            raise Abandoned("dockerd did not start:\n" + log)
        # What an interrupted build left; nothing else runs in this engine.
        self.docker("container", "prune", "--force")
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
        shutil.rmtree(self.run_dir, ignore_errors=True)

    def docker(self, *arguments, timeout=60, stdin=None):
        return checks.run("docker", *arguments, timeout=timeout, stdin=stdin, env=self.environment)

    def has(self, image):
        return self.docker("image", "inspect", image).code == 0

    def build(self, tag, folder, timeout=600):
        note(f"building image {tag}")
        ran = self.docker("build", "--tag", tag, folder, timeout=timeout)
        if ran.code != 0:
            raise Abandoned(f"image {tag} was not built: {ran}")

    def need(self, image, stand_in):
        """The real image where a registry answers, else `stand_in()` makes one under its name."""
        if self.has(image):
            return
        if self.registry:
            ran = self.docker("pull", "--quiet", image, timeout=300)
            if ran.code == 0:
                note(f"pulled {image}")
                return
            self.registry = False  # it takes long to say no: one question is enough
            note(f"no registry ({ran.err.strip()[-100:]} after {ran.seconds:.0f} s)")
        note(f"making a stand-in for {image} of Debian packages")
        stand_in()

    def need_debian(self):
        self.need("debian:bookworm-slim", self._debootstrap)

    def need_service(self, image, folder):
        self.need_debian()
        self.need(image, lambda: self.build(image, IMAGES / folder))

    def _debootstrap(self):
        base = self.run_dir / "base"
        ran = checks.run("debootstrap", "--variant=minbase", "bookworm", base, MIRROR, timeout=600)
        if ran.code != 0:
            raise Abandoned(f"debootstrap failed: {ran}")
        security = MIRROR.removesuffix("/debian") + "/debian-security"
        (base / "etc/apt/sources.list").write_text(
            f"deb {MIRROR} bookworm main\ndeb {MIRROR} bookworm-updates main\n"
            f"deb {security} bookworm-security main\n")
        settings = checks.run("apt-config", "dump", *APT_SETTINGS).out
        (base / "etc/apt/apt.conf.d/90from-this-machine").write_text(settings)
        shutil.rmtree(base / "var/cache/apt/archives")
        for folder in ("usr/share/doc", "usr/share/man", "usr/share/locale", "var/lib/apt/lists"):
            shutil.rmtree(base / folder)
            (base / folder).mkdir()
        ran = checks.run("sh", "-c", 'tar -C "$0" -c . | docker import - debian:bookworm-slim',
                         base, timeout=300, env=self.environment)
        if ran.code != 0:
            raise Abandoned(f"the base image was not imported: {ran}")
        shutil.rmtree(base)
