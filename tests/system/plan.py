# SPDX-License-Identifier: Apache-2.0
"""What `plan` prints: each step with all that a person wants to know before it is done, and JSON
that is what docs/plan.schema.json says, on a real server."""
import copy
import json
import tempfile
from pathlib import Path

import jsonschema

import daemon
import world
from checks import ROOT, check, check_equal

SCHEMA = json.loads((ROOT / "docs/plan.schema.json").read_text())

# Three months of long ago, of which ANALYZE has counted one, rows of outboxes that are due, and a
# default without rows.
FULL = world.EVENTS + """
CREATE TABLE public.jan PARTITION OF public.events FOR VALUES FROM ('2020-01-01') TO ('2020-02-01');
CREATE TABLE public.feb PARTITION OF public.events FOR VALUES FROM ('2020-02-01') TO ('2020-03-01');
INSERT INTO public.events SELECT g, '2020-01-15' FROM generate_series(1, 1234) AS g;
ANALYZE public.jan;
INSERT INTO public.outbox SELECT g, '2020-01-01', '2020-01-01' FROM generate_series(1, 77) AS g;
"""
RETENTION = 'retention = "365 days"\nexpire = "drop"'


def validator():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    return jsonschema.Draft202012Validator(SCHEMA)


def complaints(document):
    return [f"{'/'.join(map(str, error.absolute_path))}: {error.message}"
            for error in validator().iter_errors(document)]


def planned(path, *arguments):
    ran = daemon.once("plan", "--json", "-c", path, *arguments)
    return ran, json.loads(ran.out)


def keys_of(value, at=""):
    """Every property of a document below `details`, dotted."""
    if isinstance(value, list):
        return set().union(*(keys_of(each, at) for each in value)) if value else set()
    if not isinstance(value, dict):
        return set()
    found = {f"{at}{key}" for key in value}
    for key, each in value.items():
        if key != "details":
            found |= keys_of(each, f"{at}{key}.")
    return found


def keys_of_schema(schema, at=""):
    """Every property that the schema describes, dotted the same way."""
    found = set()
    for inner in schema.get("oneOf", []):
        found |= keys_of_schema(inner, at)
    if "$ref" in schema:
        found |= keys_of_schema(SCHEMA["$defs"][schema["$ref"].rsplit("/", 1)[1]], at)
    if "items" in schema:
        found |= keys_of_schema(schema["items"], at)
    for key, inner in schema.get("properties", {}).items():
        found |= {f"{at}{key}"} | keys_of_schema(inner, f"{at}{key}.")
    return found


def json_is_what_the_schema_says(folder):
    name = world.database(FULL)
    path = folder / "full.toml"
    path.write_text(world.settings(name, partition=RETENTION))
    ran, document = planned(path)
    check_equal("plan --json exits 2 when there is work", ran.code, 2, ran)
    check_equal("plan --json of creation, retirement and a sweep is as the schema says",
                complaints(document), [], ran)
    steps = [step for task in document["tasks"] for step in task["steps"]]
    actions = {step["action"] for step in steps}
    check("it has all three", {"create", "drop", "sweep"} <= actions, ran)
    of = {step["subject"]: step for step in steps}
    check("a drop says how many rows and bytes go, as the catalog has them",
          of["public.jan"]["rows_estimate"] == 1234 and of["public.jan"]["bytes_estimate"] > 0
          and not of["public.jan"]["reversible"], of["public.jan"])
    check("what was never counted is null", of["public.feb"]["rows_estimate"] is None
          and of["public.feb"]["bytes_estimate"] is None, of["public.feb"])
    check("creation touches no row", all(
        step["rows_estimate"] is None and step["bytes_estimate"] is None and step["reversible"]
        for step in steps if step["action"] == "create"), ran)
    check("a sweep says how many rows are due",
          [step["rows_estimate"] for step in steps if step["action"] == "sweep"] == [77], ran)
    path.write_text(world.settings(name, partition='retention = "365 days"\nexpire = "detach"'))
    detached = planned(path)[1]
    check_equal("the same holds for detach", complaints(detached), [], detached)
    check("what is detached can be attached again", all(
        step["reversible"] and step["rows_estimate"] == (1234 if step["subject"] == "public.jan"
                                                         else None)
        for step in detached["tasks"][0]["steps"] if step["action"] == "detach"), detached)
    return document


# Rows of two months in the default, one past and one to come, or of one; counted by ANALYZE.
TWO_MONTHS = world.EVENTS + """
INSERT INTO public.events SELECT g, '2020-01-15' FROM generate_series(1, 1000) AS g;
INSERT INTO public.events SELECT g, now() + interval '1 year' FROM generate_series(1, 3000) AS g;
ANALYZE public.events_default;
"""
ONE_MONTH = world.EVENTS + """
INSERT INTO public.events SELECT g, '2020-01-15' FROM generate_series(1, 1000) AS g;
ANALYZE public.events_default;
"""
# More than are counted, and not counted by the server: it may be any size. This month and the next
# have partitions, so nothing is urgent.
LARGE = world.EVENTS + """
SET timezone = 'UTC';
DO $$ DECLARE month timestamptz := date_trunc('month', now()); BEGIN
  FOR n IN 0..1 LOOP
    EXECUTE format('CREATE TABLE public.month%s PARTITION OF public.events FOR VALUES FROM (%L) '
                   'TO (%L)', n, month + n * interval '1 month',
                   month + (n + 1) * interval '1 month');
  END LOOP;
END $$;
ALTER TABLE public.events_default SET (autovacuum_enabled = off);
INSERT INTO public.events SELECT g, '2020-01-15' FROM generate_series(1, 10100) AS g;
"""


def other_steps(folder, sql, partition, more=""):
    """The document of `plan` and its steps of events; says when it is not as the schema says."""
    path = folder / "other.toml"
    path.write_text(world.settings(world.database(sql), partition=partition, more=more))
    ran, document = planned(path)
    check_equal(f"plan --json of {partition.splitlines()[0]} is as the schema says",
                complaints(document), [], ran)
    return document["tasks"][0]["steps"], ran


def sql_of(step):
    return "\n".join(statement["sql"] for statement in step["statements"])


def rescue_and_archive_are_what_the_schema_says(folder):
    steps, ran = other_steps(folder, TWO_MONTHS, 'default_partition = "drain"')
    drains = [step for step in steps if step["action"] == "drain"]
    check_equal("a drain says how many rows it moves",
                sorted(step["rows_estimate"] for step in drains), [1000, 3000], ran)
    small, large = (step["bytes_estimate"] for step in
                    sorted(drains, key=lambda step: step["rows_estimate"]))
    check("and which share of the default's bytes", 0 < 3 * small <= large <= 3 * small + 3, ran)
    steps, ran = other_steps(folder, ONE_MONTH, 'default_partition = "adopt"')
    adopt = [step for step in steps if step["action"] == "adopt"]
    check("an adoption is planned, and moves no row", len(adopt) == 1
          and adopt[0]["rows_estimate"] is None and adopt[0]["bytes_estimate"] is None
          and "VALIDATE CONSTRAINT" in sql_of(adopt[0]), ran)
    steps, ran = other_steps(folder, LARGE, 'default_partition = "report"')
    check("a creation behind a guard is planned, with the guard's SQL", any(
        step["action"] == "create" and "NOT VALID" in sql_of(step)
        and "VALIDATE CONSTRAINT" in sql_of(step) for step in steps), ran)
    archives = folder / "archives"
    archives.mkdir()
    steps, ran = other_steps(folder, FULL, 'expire = "archive"\nretention = "365 days"',
                             f'[archive]\ndirectory = "{archives}"')
    archived = [step for step in steps if step["action"] == "archive"]
    check_equal("an archive says how many rows go into it",
                sorted(step["rows_estimate"] or 0 for step in archived), [0, 1234], ran)
    check("what is archived can be brought back", all(
        step["reversible"] for step in steps if step["action"] in ("archive", "drop")), ran)


def every_property_is_printed(folder, document):
    """The other direction: the schema describes nothing that there is not."""
    path = folder / "trouble.toml"
    name = world.database()
    path.write_text(world.settings(name).replace('"public.events"', '"public.nowhere"'))
    ran, trouble = planned(path)
    check_equal("plan --json of a table that is not there is as the schema says",
                complaints(trouble), [], ran)
    check("a critical finding is in it", any(
        finding["severity"] == "critical"
        for task in trouble["tasks"] for finding in task["findings"]), ran)
    failed = {"tasks": [{"task": "partition:public.events", "error": "no"}]}
    printed = keys_of(document) | keys_of(trouble) | keys_of(failed)
    check_equal("the schema describes what is printed and nothing else",
                keys_of_schema(SCHEMA), printed)


def the_schema_can_refuse(document):
    """A schema that takes anything would hold nothing."""
    def spoiled(change):
        copied = copy.deepcopy(document)
        change(copied["tasks"][0]["steps"][0])
        return complaints(copied)

    for what, change in {
            "a property that is not described": lambda step: step.update(more=1),
            "a property that is missing": lambda step: step.pop("reason"),
            "text in place of a number": lambda step: step.update(rows_estimate="12"),
            "an urgency without its words": lambda step: step.pop("wait"),
            "an unknown urgency": lambda step: step.update(urgency="soon"),
            "a step without SQL": lambda step: step.update(statements=[]),
    }.items():
        check(f"the schema refuses {what}", spoiled(change), document)


def text_says_all_of_it(folder):
    path = folder / "text.toml"
    path.write_text(world.settings(world.database(FULL), partition=RETENTION))
    ran = daemon.once("plan", "-c", path)
    steps = {}
    current = None
    for line in ran.out.splitlines():
        if line.startswith("  ") and not line.startswith("   "):
            current = line.strip()
            steps[current] = {}
        elif current and line.startswith("    ") and ":" in line[:9]:
            key, text = line.strip().split(":", 1)
            steps[current].setdefault(key, text.strip())
    drop = steps.get("drop public.jan", {})
    check("plan says of a drop why, lock, undo, data, wait and sql",
          list(drop) == ["why", "lock", "undo", "data", "wait", "sql"], ran)
    check("the data are rows and bytes", drop.get("data", "").startswith("about 1234 rows, ")
          and drop["data"].endswith("KiB"), drop)
    check_equal("what was never counted is said to be so",
                steps.get("drop public.feb", {}).get("data"),
                "not counted by the server yet", ran)
    create = next((step for name, step in steps.items() if name.startswith("create ")), {})
    check("creation has no data", "data" not in create and create.get("undo") == "possible", ran)
    sweep = steps.get("sweep public.outbox done", {})
    check_equal("a sweep has rows", sweep.get("data"), "about 77 rows", ran)


def main():
    with tempfile.TemporaryDirectory(prefix="pgcaretaker-system.") as name:
        folder = Path(name)
        document = json_is_what_the_schema_says(folder)
        rescue_and_archive_are_what_the_schema_says(folder)
        every_property_is_printed(folder, document)
        the_schema_can_refuse(document)
        text_says_all_of_it(folder)
