# SPDX-License-Identifier: Apache-2.0
"""The page for a person, as a real browser shows it."""
import re
import shutil
import tempfile
from pathlib import Path

import checks
import daemon
import world
from checks import ROOT, check

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars",
         "--disable-background-networking", "--disable-component-update", "--disable-sync")


def browse(browser, *arguments):
    with tempfile.TemporaryDirectory(prefix="pgcaretaker-browser.") as profile:
        return checks.run(browser, *FLAGS, f"--user-data-dir={profile}", *arguments, timeout=90)


def main():
    browser = next((name for name in BROWSERS if shutil.which(name)), None)
    if not browser:
        raise checks.Abandoned("no browser: run  apt-get install chromium")
    name = world.database()
    daemon.psql("INSERT INTO public.outbox VALUES (1, NULL), (2, now())", name)
    with daemon.Daemon(world.settings(name)) as running:
        check("the daemon is ready to be looked at", running.ready(), running.log())
        page = running.get("/")[1]
        elsewhere = re.findall(
            r"""(?:src|href)=["']?(?:https?:)?//[^"'> ]+|@import|url\((?!data:)""", page)
        check("the page loads nothing from elsewhere", not elsewhere, elsewhere)
        ran = browse(browser, "--dump-dom", running.url + "/")
        check("the browser shows every task, table and pool", ran.code == 0 and all(
            text in ran.out for text in ("public.events", "public.outbox", "server")), ran)
        picture = ROOT / "build/system/page.png"
        picture.parent.mkdir(parents=True, exist_ok=True)
        picture.unlink(missing_ok=True)
        for width, height in ((1280, 900), (400, 900)):
            target = picture if width > 1000 else Path(str(picture).replace(".png", "-narrow.png"))
            ran = browse(browser, f"--window-size={width},{height}", f"--screenshot={target}",
                         running.url + "/")
            check(f"a picture {width} pixels wide is taken",
                  target.exists() and target.stat().st_size > 5000, ran)
        checks.note(f"pictures are in {picture.parent}")
