# SPDX-License-Identifier: Apache-2.0
"""What the code offers to users, read from the one place where each thing is declared."""
import re
import tomllib

METRICS = 'daemon/telemetry/metric.cpp'
SETTINGS = 'daemon/config/settings.hpp'
SCHEMA = 'daemon/config/schema.hpp'
COMMAND_LINE = 'daemon/app/command_line.cpp'
EXIT_CODES = 'daemon/exit_code.hpp'
ALERTS = 'config/prometheus/alerts.yml'


def metrics(tree):
    """Name to (type, labels in order)."""
    pattern = re.compile(
        r'\{\s*Metric::\w+,\s*"(\w+)",\s*MetricType::(\w+),\s*\{([^}]*)\}', re.DOTALL)
    return {name: (kind, tuple(re.findall(r'"(\w+)"', labels)))
            for name, kind, labels in pattern.findall(tree[METRICS])}


def _struct_of(tree, owner, member):
    """The struct behind a member of `owner`: of `std::vector<Pool> pools`, Pool."""
    body = re.search(r'\bstruct %s \{(.*?)^\};' % owner, tree[SETTINGS], re.DOTALL | re.MULTILINE)
    return re.search(r'(\w+)>?\s+%s\b' % member, body.group(1)).group(1)


def config_keys(tree, struct='Settings', prefix=''):
    """Every key with its section, dotted: saturation.pool.name."""
    body = re.search(r'Is<%s> auto& \w+\) \{(.*?)^\}' % struct, tree[SCHEMA],
                     re.DOTALL | re.MULTILINE).group(1)
    keys = []
    for call, name, member in re.findall(r'visitor\.(\w+)\("(\w+)",\s*\w+\.(\w+)\)', body):
        if call == 'value':
            keys.append(prefix + name)
        else:
            keys += config_keys(tree, _struct_of(tree, struct, member), f'{prefix}{name}.')
    return keys


def commands(tree):
    declared = r'(?:\bCommand::\w+,|\badd_subcommand\()\s*"([a-z-]+)"'
    return set(re.findall(declared, tree[COMMAND_LINE]))


def options(tree):
    """Long and short options of every command, and those every command line has."""
    found = {'--help', '-h'}
    for names in re.findall(r'(?:add_option|add_flag|set_version_flag)\(\s*"([^"]+)"',
                            tree[COMMAND_LINE]):
        found.update(names.split(','))
    return found


def exit_codes(tree):
    values = re.findall(r'^\s+\w+ =\s+(\d+),', tree[EXIT_CODES], re.MULTILINE)
    return {int(value) for value in values}


def findings(tree):
    """Codes of findings."""
    pattern = re.compile(
        r'(?:\bSeverity::\w+,|\b(?:say\(plan,|critical\())\s*'
        r'(?:\w+ \? )?"([a-z_]+)"(?:\s*: "([a-z_]+)")?')
    return {code for path, text in tree.items() if re.match(r'daemon/.*\.cpp$', path)
            for codes in pattern.findall(text) for code in codes if code}


def severities(tree):
    """Code of a finding to the severities that stand before it; none where a variable does."""
    pattern = re.compile(r'\bSeverity::([^,;"{]*),\s*(?:\w+ \? )?"([a-z_]+)"(?:\s*: "([a-z_]+)")?')
    found = {}
    for path, text in tree.items():
        if not re.match(r'daemon/.*\.cpp$', path):
            continue
        for severity, *codes in pattern.findall(text):
            for code in filter(None, codes):
                words = re.findall(r'(?:^|Severity::)(\w+)', severity)
                found.setdefault(code, set()).update(words)
    return found


def alerts(tree):
    return set(re.findall(r'^\s*- alert: (\w+)', tree.get(ALERTS, ''), re.MULTILINE))


def verbs(tree):
    """What `./dev` takes."""
    return set(re.findall(r'^verb_(\w+)\(\)', tree.get('dev', ''), re.MULTILINE))


def toml_keys(text):
    """Dotted keys of a TOML text; the elements of an array of tables count as one section."""
    def walk(value, prefix):
        if isinstance(value, dict):
            for key, inner in value.items():
                yield from walk(inner, f'{prefix}.{key}' if prefix else key)
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            for inner in value:
                yield from walk(inner, prefix)
        else:
            yield prefix
    return set(walk(tomllib.loads(text), ''))
