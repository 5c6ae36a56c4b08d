#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the documents to the code and back: whatever one of them names, both have."""
import pathlib
import re
import sys
import tomllib

import facts
import tidy

README = 'README.md'
CONFIGURATION = 'docs/configuration.md'
METRICS = 'docs/metrics.md'
OPERATIONS = 'docs/operations.md'
FINDINGS = 'docs/findings.md'
HACKING = 'docs/hacking.md'

SUFFIXES = ('_bucket', '_sum', '_count')
CODE = re.compile(r'```(?P<language>\w*)[^\n]*\n(?P<block>.*?)^\s*```|`(?P<span>[^`\n]+)`',
                  re.DOTALL | re.MULTILINE)


def line_of(text, offset):
    return text.count('\n', 0, offset) + 1


def rows(text):
    """(line, cells) of every table row."""
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith('|'):
            yield number, [cell.strip() for cell in re.split(r'(?<!\\)\|', line.strip('| \n'))]


def code_lines(text):
    """(line, code) of every code span and every line of a code block."""
    for match in CODE.finditer(text):
        if match.group('span'):
            yield line_of(text, match.start()), match.group('span')
            continue
        first = line_of(text, match.start('block'))
        for number, line in enumerate(match.group('block').splitlines(), first):
            yield number, line


def check_metrics(tree):
    known = facts.metrics(tree)
    if not known:
        yield facts.METRICS, 1, 'no metric was found in the table: has its shape changed?'
    described = {}
    for number, cells in rows(tree.get(METRICS, '')):
        for name in re.findall(r'`(pgcaretaker_\w+)`', cells[0]):
            described[name] = number, ' '.join(cells[1:])
    for name, (kind, labels) in known.items():
        if name not in described:
            yield METRICS, 1, f'{name} is missing'
            continue
        number, rest = described[name]
        if kind not in rest:
            yield METRICS, number, f'{name} is a {kind}'
        for label in labels:
            if f'`{label}`' not in rest:
                yield METRICS, number, f'{name} has the label {label}'
    for path, text in tree.items():
        if path.startswith(('docs/', 'config/prometheus/', 'config/grafana/')) or path == README:
            for match in re.finditer(r'\bpgcaretaker_\w+', text):
                name = match.group(0)
                plain = next((name[:-len(end)] for end in SUFFIXES if name.endswith(end)), name)
                histogram = known.get(plain, ('', ()))[0] == 'histogram'
                if name not in known and not (histogram and plain != name):
                    yield path, line_of(text, match.start()), f'{name} is no metric of the code'


def documented_keys(text):
    """Dotted key to line: the first cells of tables below a heading that names the `[section]`."""
    keys, section = {}, ''
    for number, line in enumerate(text.splitlines(), 1):
        heading = re.match(r'#+\s.*?\[{1,2}([\w.]+)\]{1,2}', line)
        if heading:
            section = heading.group(1) + '.'
        elif re.match(r'#{1,2}\s', line):
            section = ''
        cell = re.match(r'\|\s*((?:`\w+`(?:,\s*)?)+)\s*\|', line)
        if cell and section:
            for key in re.findall(r'`(\w+)`', cell.group(1)):
                keys[section + key] = number
    return keys


def check_configuration(tree):
    known = set(facts.config_keys(tree))
    documented = documented_keys(tree.get(CONFIGURATION, ''))
    for key in sorted(known - set(documented)):
        yield CONFIGURATION, 1, f'{key} is missing'
    for key in sorted(set(documented) - known):
        yield CONFIGURATION, documented[key], f'{key} is no key of the code'
    for path, text in tree.items():
        if path.startswith('config/') and path.endswith('.toml'):
            yield from _check_toml(path, 1, text, known)
        if path.endswith('.md'):
            for match in CODE.finditer(text):
                if match.group('language') == 'toml':
                    line = line_of(text, match.start())
                    yield from _check_toml(path, line, match.group('block'), known)


def _check_toml(path, line, text, known):
    try:
        unknown = facts.toml_keys(text) - known
    except tomllib.TOMLDecodeError as error:
        yield path, line, f'no TOML: {error}'
        return
    for key in sorted(unknown):
        yield path, line, f'{key} is no key of the code'


def check_commands(tree):
    commands, options = facts.commands(tree), facts.options(tree)
    if not commands:
        yield facts.COMMAND_LINE, 1, 'no command was found: has its shape changed?'
    described = set()
    for path, text in tree.items():
        if not path.endswith('.md'):
            continue
        for line, code in code_lines(text):
            call = re.match(r'\s*(?:\$ |# )?(?:sudo )?pgcaretaker((?:\s+\S+)*)', code)
            if not call:
                continue
            words = call.group(1).split()
            for word in words:
                option = re.match(r'\[?(--?[a-z][a-z-]*)', word)
                if option and option.group(1) not in options:
                    yield path, line, f'pgcaretaker has no option {option.group(1)}'
            if path == README:
                described.update(words)
                described.update(re.findall(r'--?[a-z-]+', code))
            if words and re.match(r'[a-z][a-z-]*$', words[0]) and words[0] not in commands:
                yield path, line, f'pgcaretaker has no command {words[0]}'
    readme = tree.get(README, '')
    for option in options - {'-h'}:
        if re.search(r'`[^`\n]*(?<![\w-])%s(?![\w-])' % option, readme):
            described.add(option)
    for missing in sorted((commands | options) - {'-h'} - described):
        yield README, 1, f'{missing} is missing from the commands'


def check_exit_codes(tree):
    known = facts.exit_codes(tree)
    for path, heading in ((README, 'Exit status'), (OPERATIONS, 'Exit codes')):
        text, described = tree.get(path, ''), {}
        below = re.search(r'^## %s\n(.*?)(?=^## |\Z)' % heading, text, re.DOTALL | re.MULTILINE)
        if below:
            first = line_of(text, below.start(1))
            for number, cells in rows(below.group(1)):
                if re.fullmatch(r'`?\d+`?', cells[0]):
                    described[int(cells[0].strip('`'))] = first + number - 1
        for code in sorted(known - set(described)):
            yield path, 1, f'exit status {code} is missing from the table below "## {heading}"'
        for code in sorted(set(described) - known):
            yield path, described[code], f'exit status {code} is none of the code'
    unit = 'systemd/pgcaretaker.service'
    for match in re.finditer(r'^RestartPreventExitStatus=(.*)$', tree.get(unit, ''), re.MULTILINE):
        line = line_of(tree[unit], match.start())
        for code in set(map(int, re.findall(r'\d+', match.group(1)))) - known:
            yield unit, line, f'exit status {code} is none of the code'


def check_alerts(tree):
    text = tree.get(OPERATIONS, '')
    sections = {match.group(1): line_of(text, match.start())
                for match in re.finditer(r'^#+ `?(Pgcaretaker\w+)`?$', text, re.MULTILINE)}
    known = facts.alerts(tree)
    for alert in sorted(known - set(sections)):
        yield OPERATIONS, 1, f'the alert {alert} has no section'
    for alert in sorted(set(sections) - known):
        yield OPERATIONS, sections[alert], f'{alert} is no alert of {facts.ALERTS}'


def check_findings(tree):
    known, described, severities = facts.findings(tree), {}, facts.severities(tree)
    for number, cells in rows(tree.get(FINDINGS, '')):
        for code in re.findall(r'`([a-z_]+)`', cells[0]):
            described[code] = number
            for severity in sorted(severities.get(code, set()) - set(re.findall(r'\w+', cells[1]))):
                yield FINDINGS, number, f'{code} may be {severity}'
    for code in sorted(known - set(described)):
        yield FINDINGS, 1, f'the finding {code} is missing'
    for code in sorted(set(described) - known):
        yield FINDINGS, described[code], f'{code} is no finding of the code'


def check_verbs(tree):
    known, described = facts.verbs(tree), set()
    for path, text in tree.items():
        if path.endswith('.md') or path == 'dev':
            for match in re.finditer(r'\./dev ([a-z]+)\b', text):
                if path == HACKING:
                    described.add(match.group(1))
                # Prose goes on after ./dev; only code is a call.
                in_code = text.rfind('`', 0, match.start()) == match.start() - 1
                if in_code and known and match.group(1) not in known:
                    yield path, line_of(text, match.start()), f'./dev has no verb {match.group(1)}'
    for verb in sorted(known - described):
        yield HACKING, 1, f'./dev {verb} is missing'


def check_links(tree):
    """Links between documents lead to a file that is there."""
    for path, text in tree.items():
        if not path.endswith('.md'):
            continue
        for match in re.finditer(r'\]\(([^)#\s]+)(?:#[^)]*)?\)', text):
            target = match.group(1)
            if re.match(r'[a-z]+:', target):
                continue
            whole = pathlib.PurePosixPath(path).parent / target
            parts = []
            for part in whole.parts:
                parts = parts[:-1] if part == '..' else parts + [part]
            name = '/'.join(parts)
            if name not in tree and not any(other.startswith(name + '/') for other in tree):
                yield path, line_of(text, match.start()), f'there is no {name}'


CHECKS = (check_metrics, check_configuration, check_commands, check_exit_codes, check_alerts,
          check_findings, check_verbs, check_links)


def check_tree(tree):
    return sorted({problem for check in CHECKS for problem in check(tree)})


def main(arguments):
    root = pathlib.Path(arguments[1] if len(arguments) > 1 else '.').resolve()
    tree = tidy.read_tree(root)
    # A picture is no text, but a link may lead to it.
    tree.update((name, '') for name in tidy.project_files(root) if name not in tree)
    problems = check_tree(tree)
    for path, line, text in problems:
        print(f'{path}:{line}: docs: {text}')
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv))
