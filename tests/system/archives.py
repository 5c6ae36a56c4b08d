# SPDX-License-Identifier: Apache-2.0
"""The `archive` commands of the binary, from a partition to its archive and back."""
import json
import tempfile
from pathlib import Path

import daemon
import world
from checks import check, check_equal

TABLES = world.EVENTS + """
CREATE TABLE public.events_old PARTITION OF public.events
  FOR VALUES FROM ('2020-01-01 00:00:00+00') TO ('2020-02-01 00:00:00+00');
INSERT INTO public.events SELECT g, timestamptz '2020-01-02 00:00:00+00' + g * interval '1 second'
  FROM generate_series(1, 5000) g;
"""
OLD = "public.events/events_old.2020-01-01_2020-02-01"


def one_line(text):
    return text.count("\n") == 1 and text.endswith("\n")


def wrong_usage(path):
    wrong = {
        "no command of archive": ["archive"],
        "restore without a name": ["archive", "restore"],
        "restore of two": ["archive", "restore", "a", "b"],
        "--as and --attach": ["archive", "restore", "a", "--as", "a.b", "--attach"],
        "an archive that is not there": ["archive", "verify", "-c", path, "nothing"],
        "a table without a schema": ["archive", "write", "-c", path, "events_old"],
    }
    for what, arguments in wrong.items():
        ran = daemon.once(*arguments)
        check(f"{what} exits 64 with one line", ran.code == 64 and one_line(ran.err), ran)


def there_and_back(path, name, directory):
    ran = daemon.once("archive", "list", "-c", path)
    check("an empty directory lists nothing", ran.code == 0 and not ran.text, ran)
    ran = daemon.once("archive", "write", "-c", path, "public.events_old")
    check("archive write exits 0 and says what it wrote",
          ran.code == 0 and ran.out == f"{OLD}: 5000 rows, written and read back\n", ran)
    ran = daemon.once("archive", "write", "-c", path, "public.events_old")
    check("a second time it is there", ran.code == 0 and "there already" in ran.out, ran)
    ran = daemon.once("archive", "list", "--json", "-c", path)
    archives = json.loads(ran.out)["archives"]
    check("archive list --json has the manifest", [each["name"] for each in archives] == [OLD]
          and archives[0]["manifest"]["rows"] == 5000, ran)
    daemon.psql("DROP TABLE public.events_old", name)
    nowhere = "database.dsn=host=127.0.0.1 port=1"
    ran = daemon.once("archive", "verify", "-c", path, "--set", nowhere)
    check("archive verify needs no database",
          ran.code == 0 and ran.out == f"{OLD}: good, 5000 rows\n", ran)
    ran = daemon.once("archive", "restore", "-c", path, OLD.split("/")[1], "--as", "public.back")
    check("archive restore --as makes a free-standing table", ran.code == 0
          and daemon.psql("SELECT count(*) FROM public.back", name).strip() == "5000", ran)
    ran = daemon.once("archive", "restore", "-c", path, OLD, "--as", "public.back")
    check("a name that is taken exits 1 with one line",
          ran.code == 1 and one_line(ran.err) and "public.back" in ran.err, ran)
    ran = daemon.once("archive", "restore", "-c", path, OLD, "--attach")
    check("archive restore --attach brings the rows back under the parent", ran.code == 0
          and daemon.psql("SELECT count(*) FROM public.events", name).strip() == "5000", ran)
    check_equal("both are the same rows", daemon.psql(
        "SELECT count(*) FROM (TABLE public.events EXCEPT ALL TABLE public.back) d", name).strip(),
        "0")
    data = directory / OLD / "data.bin.zst"
    content = bytearray(data.read_bytes())
    content[len(content) // 2] ^= 1
    data.write_bytes(content)
    ran = daemon.once("archive", "verify", "-c", path)
    check("a flipped bit is found: 1, with a line that names the file",
          ran.code == 1 and "data.bin.zst" in ran.err, ran)


def retire(path, name, directory):
    """The partition of 2020, once more in its table, goes by retention."""
    expire = ["--set", "partition.0.retention=30d", "--set", "partition.0.expire=archive"]
    ran = daemon.once("plan", "-c", path, "--task", "partition", *expire)
    check("plan has the archive before the drop, and says that the drop can be undone",
          ran.code == 2 and 0 < ran.out.find("archive public.events_old") <
          ran.out.find("drop public.events_old") and "partition.archive_name" not in ran.out, ran)
    ran = daemon.once("once", "-c", path, "--task", "partition", *expire, "--set",
                      "archive.directory=/nowhere")
    check("without the directory once needs a person, and keeps the table", ran.code == 3
          and "/nowhere" in ran.out
          and daemon.psql("SELECT count(*) FROM public.events_old", name).strip() == "5000", ran)
    ran = daemon.once("archive", "write", "-c", path, "public.events_old")
    check("archive write of the detached table writes what retention looks for", ran.code == 0
          and ran.out.startswith(OLD + ".2: 5000 rows"), ran)
    shown = daemon.on_terminal("once", "-c", path, "--task", "partition", *expire)
    check("once archives and drops it, and shows how far it is",
          "archive public.events_old: done" in shown and "drop public.events_old: done" in shown
          and "reading back data.bin.zst" in shown, shown)
    check_equal("nothing of it is left in the table",
                daemon.psql("SELECT count(*) FROM public.events", name).strip(), "0")
    # The one with the flipped bit is let be.
    check("its archive is beside the damaged one, and none beside that",
          (directory / (OLD + ".2")).is_dir() and not (directory / (OLD + ".3")).exists(), shown)
    ran = daemon.once("archive", "verify", "-c", path, OLD + ".2")
    check("and good", ran.code == 0 and ": good, 5000 rows" in ran.out, ran)
    ran = daemon.once("plan", "-c", path, "--task", "partition", *expire)
    check("then there is nothing to do", ran.code == 0, ran)


def no_place(path):
    for command in (["list"], ["verify"], ["write", "public.events_old"]):
        ran = daemon.once("archive", *command, "-c", path, "--set", "archive.directory=")
        check(f"archive {command[0]} without a directory exits 78 with one line",
              ran.code == 78 and one_line(ran.err) and "archive.directory" in ran.err, ran)
    ran = daemon.once("archive", "write", "-c", path, "public.events_old", "--set",
                      "archive.directory=/nowhere")
    check("a directory that is not there exits 1 with one line",
          ran.code == 1 and one_line(ran.err) and "/nowhere" in ran.err, ran)


def main():
    with tempfile.TemporaryDirectory(prefix="pgcaretaker-system.") as folder:
        directory = Path(folder) / "archive"
        directory.mkdir()
        name = world.database(TABLES)
        path = Path(folder) / "archive.toml"
        path.write_text(world.settings(name, more=f'[archive]\ndirectory = "{directory}"\n'))
        wrong_usage(path)
        no_place(path)
        there_and_back(path, name, directory)
        retire(path, name, directory)
