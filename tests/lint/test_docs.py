#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Proves that docs.py notices what only the code or only a document has."""
import unittest

import docs
import facts

CODE = {
    facts.METRICS: '''
      {Metric::up, "pgcaretaker_up", MetricType::gauge, {}, "1 while up."},
      {Metric::runs,
       "pgcaretaker_runs_seconds",
       MetricType::histogram,
       {"task", "outcome"},
       "Runs."},
    ''',
    facts.SETTINGS: '''
struct Http {
  std::string listen;
};

struct Done {
  std::string keep;
};

struct Outbox {
  std::optional<Done> done;
};

struct Settings {
  Http http;
  std::vector<Outbox> outboxes;
};
''',
    facts.SCHEMA: '''
void each_key(Visitor& visitor, Is<Http> auto& section) {
  visitor.value("listen", section.listen);
}
void each_key(Visitor& visitor, Is<Done> auto& section) {
  visitor.value("keep", section.keep);
}
void each_key(Visitor& visitor, Is<Outbox> auto& section) {
  visitor.optional_section("done", section.done);
}
void each_key(Visitor& visitor, Is<Settings> auto& settings) {
  visitor.section("http", settings.http);
  visitor.list("outbox", settings.outboxes);
}
''',
    facts.COMMAND_LINE: '''
  add_command(app, line, Command::run, "run", "The daemon");
  CLI::App& check = add_command(app, line, Command::check_config, "check-config",
                                "Check");
  app.set_version_flag("--version", version_text());
  app.add_option("-c,--config", line.config_file, "File");
  check.add_flag("--json", line.json, "Print JSON");
''',
    facts.EXIT_CODES: 'enum class ExitCode : int {\n  ok = 0,  // done\n  usage =\n      64,\n};\n',
    facts.ALERTS: 'rules:\n  - alert: PgcaretakerDown\n    expr: pgcaretaker_up == 0\n',
    'daemon/x.cpp': '''
  findings.add(Severity::critical, "gone", name, "it is gone");
  return Finding{Severity::warning, is_new ? "odd_new" : "odd_old", name, text};
''',
    'dev': 'verb_test() {\n  :\n}\nverb_build() {\n  :\n}\n',
}

DOCUMENTS = {
    'README.md': '''# pgcaretaker

| command | does |
|---|---|
| `pgcaretaker run` | the daemon |
| `pgcaretaker check-config [--json]` | check |

Every command takes `-c, --config FILE` and `--help`; `pgcaretaker --version` prints the version.

```toml
[http]
listen = "127.0.0.1:9791"
[[outbox]]
[outbox.done]
keep = "7 days"
```

## Exit status

| status | means |
|---|---|
| 0 | done |
| 64 | wrong usage |

## More

See [metrics](docs/metrics.md), run `./dev test`.
''',
    'docs/metrics.md': '''
| metric | type | labels |
|---|---|---|
| `pgcaretaker_up` | gauge | |
| `pgcaretaker_runs_seconds` | histogram | `task`, `outcome` = `success` |

`rate(pgcaretaker_runs_seconds_count[5m])`
''',
    'docs/configuration.md': '''
## `[http]`

| key | default | meaning |
|---|---|---|
| `listen` | | where |

## `[[outbox]]`
### `[outbox.done]`

| key | default | meaning |
|---|---|---|
| `keep` | | how long |
''',
    'docs/operations.md': '''## Exit codes

| code | meaning |
|---|---|
| 0 | done |
| 64 | wrong |

## PgcaretakerDown
''',
    'docs/findings.md': '| code | severity |\n|---|---|\n| `gone` | critical |\n'
                        '| `odd_new`, `odd_old` | warning |\n',
    'docs/hacking.md': '`./dev test` and `./dev build`, as [above](../README.md).\n',
    'systemd/pgcaretaker.service': 'RestartPreventExitStatus=64\n',
}


def said(path=None, old='', new='', **files):
    """What docs.py says of the small project after one replacement."""
    tree = {**CODE, **DOCUMENTS, **files}
    if path:
        if old not in tree[path]:
            raise ValueError(f'{old} is not in {path}')
        tree[path] = tree[path].replace(old, new)
    return [f'{where}: {text}' for where, _, text in docs.check_tree(tree)]


class Documents(unittest.TestCase):
    def notices(self, expected, *arguments):
        self.assertIn(expected, said(*arguments))

    def test_a_project_that_agrees_is_silent(self):
        self.assertEqual(said(), [])

    def test_facts_are_read_from_the_code(self):
        self.assertEqual(facts.config_keys(CODE), ['http.listen', 'outbox.done.keep'])
        self.assertEqual(facts.metrics(CODE)['pgcaretaker_runs_seconds'],
                         ('histogram', ('task', 'outcome')))
        self.assertEqual(facts.commands(CODE), {'run', 'check-config'})
        self.assertEqual(facts.exit_codes(CODE), {0, 64})

    def test_metrics(self):
        page = 'docs/metrics.md'
        self.notices('docs/metrics.md: pgcaretaker_up is missing', page,
                     '| `pgcaretaker_up` | gauge | |\n')
        self.notices('docs/metrics.md: pgcaretaker_up is a gauge', page, '| gauge', '| counter')
        self.notices('docs/metrics.md: pgcaretaker_runs_seconds has the label outcome', page,
                     ', `outcome`', '')
        self.notices('docs/metrics.md: pgcaretaker_up_count is no metric of the code', page,
                     'runs_seconds_count', 'up_count')
        self.notices('config/prometheus/alerts.yml: pgcaretaker_down is no metric of the code',
                     facts.ALERTS, 'pgcaretaker_up', 'pgcaretaker_down')
        self.notices('docs/metrics.md: pgcaretaker_new is missing', facts.METRICS,
                     '"pgcaretaker_up"', '"pgcaretaker_new"')
        self.notices(f'{facts.METRICS}: no metric was found in the table: has its shape changed?',
                     facts.METRICS, 'Metric::', 'Other::')

    def test_configuration(self):
        page = 'docs/configuration.md'
        self.notices('docs/configuration.md: http.listen is missing', page, '| `listen` | |', '')
        self.notices('docs/configuration.md: http.port is no key of the code', page, '`listen`',
                     '`port`')
        self.notices('docs/configuration.md: outbox.done.age is missing', facts.SCHEMA, '"keep"',
                     '"age"')
        self.notices('README.md: http.port is no key of the code', 'README.md', 'listen =',
                     'port =')
        self.assertTrue(said('README.md', '[http]', '[http'))
        self.assertEqual(said(**{'config/x.toml': '[http]\nport = 1\n'}),
                         ['config/x.toml: http.port is no key of the code'])

    def test_commands_and_options(self):
        page = 'README.md'
        self.notices('README.md: run is missing from the commands', page, '| `pgcaretaker run`',
                     '| `run`')
        self.notices('README.md: --json is missing from the commands', page, ' [--json]', '')
        self.notices('README.md: --config is missing from the commands', page, '--config FILE',
                     'a file')
        self.notices('README.md: pgcaretaker has no command serve', page, 'pgcaretaker run',
                     'pgcaretaker serve')
        self.notices('README.md: pgcaretaker has no option --yaml', page, '[--json]', '[--yaml]')
        self.notices('docs/operations.md: pgcaretaker has no command fix', 'docs/operations.md',
                     '| 64 | wrong |\n', '| 64 | wrong |\n\n```sh\npgcaretaker fix\n```\n')
        self.notices('README.md: now is missing from the commands', facts.COMMAND_LINE, '"run"',
                     '"now"')
        self.notices(f'{facts.COMMAND_LINE}: no command was found: has its shape changed?',
                     facts.COMMAND_LINE, 'Command::', 'Other::')

    def test_exit_codes(self):
        self.notices('README.md: exit status 64 is missing from the table below "## Exit status"',
                     'README.md', '| 64 | wrong usage |\n', '')
        self.notices('README.md: exit status 65 is none of the code', 'README.md', '| 64', '| 65')
        self.notices('docs/operations.md: exit status 65 is none of the code',
                     'docs/operations.md', '| 64', '| 65')
        self.notices('systemd/pgcaretaker.service: exit status 99 is none of the code',
                     'systemd/pgcaretaker.service', '64', '64 99')
        self.notices('README.md: exit status 70 is missing from the table below "## Exit status"',
                     facts.EXIT_CODES, '64', '70')

    def test_alerts(self):
        self.notices('docs/operations.md: the alert PgcaretakerDown has no section',
                     'docs/operations.md', '## Pgcaretaker', '## No')
        self.notices('docs/operations.md: PgcaretakerGone is no alert of ' + facts.ALERTS,
                     'docs/operations.md', 'Down', 'Gone')

    def test_findings(self):
        self.notices('docs/findings.md: the finding odd_old is missing', 'docs/findings.md',
                     ', `odd_old`', '')
        self.notices('docs/findings.md: lost is no finding of the code', 'docs/findings.md',
                     '`gone`', '`gone`, `lost`')
        self.notices('docs/findings.md: gone may be critical', 'docs/findings.md',
                     '| critical |', '| warning |')
        self.notices('docs/findings.md: gone may be info', 'daemon/x.cpp', 'Severity::critical,',
                     'worse ? Severity::critical : Severity::info,')

    def test_verbs(self):
        self.notices('docs/hacking.md: ./dev build is missing', 'docs/hacking.md', './dev build',
                     'ninja')
        self.notices('README.md: ./dev has no verb tset', 'README.md', './dev test', './dev tset')

    def test_links(self):
        self.notices('README.md: there is no docs/nowhere.md', 'README.md', 'docs/metrics.md',
                     'docs/nowhere.md')
        self.notices('docs/hacking.md: there is no docs/README.md', 'docs/hacking.md', '../', '')


if __name__ == '__main__':
    unittest.main()
