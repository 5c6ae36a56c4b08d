# SPDX-License-Identifier: Apache-2.0
"""Which file of daemon/ may include what; docs/architecture.md draws these arrows."""
import posixpath
import re

KINDS = ('partition', 'outbox', 'saturation')
BELOW_TASK = {'postgres', 'telemetry', 'config', 'async'}
MAY_INCLUDE = {
    'async': set(),
    'config': {'async'},
    'telemetry': {'config', 'async'},
    'postgres': {'config', 'async'},
    'task': BELOW_TASK,
    'archive': {'task'} | BELOW_TASK,
    'http': {'task'} | BELOW_TASK,
    **{kind: {'task'} | BELOW_TASK for kind in KINDS},
    'partition': {'archive', 'task'} | BELOW_TASK,
    'app': {'http', 'archive', 'task', *KINDS} | BELOW_TASK,
}

# Header of a library, and the only files that may include it. The tests' support library may talk
# to PostgreSQL by itself.
LIBRARIES = (
    ('libpq', r'libpq[-/]|pg_config|postgres_ext', r'daemon/postgres/|tests/support/'),
    ('libzstd', r'zstd', r'daemon/archive/packed_file\.cpp$'),
    ('libcrypto', r'openssl/', r'daemon/archive/digest\.cpp$'),
    ('Beast', r'boost/beast', r'daemon/http/server\.cpp$'),
    ('toml++', r'toml(\+\+|plusplus)', r'daemon/config/load\w*\.cpp$'),
    ('prometheus-cpp', r'prometheus/', r'daemon/telemetry/\w+\.cpp$'),
    ('spdlog', r'spdlog/', r'daemon/telemetry/\w+\.cpp$'),
    ('CLI11', r'CLI/', r'daemon/app/\w+\.cpp$'),
    ('libsystemd', r'systemd/', r'daemon/app/\w+\.cpp$'),
    ('doctest', r'doctest', r'tests/'),
)

# The thinking: a table of cases tests it, so nothing in it may depend on the moment or the machine.
PURE = re.compile(r'daemon/\w+/(?:plan|judge|calendar|cadence|routes|bounds|key|key_choice|batch|'
                  r'window|retention|layout|likeness|urgency|draft|creation|retirement|\w*steps|'
                  r'statement|snapshot|states|marker|triggers|guards|chain|detached|'
                  r'page|html|status_json|manifest|copy_counter|location|progress|'
                  r'proof|statements|rescue|guard|afterwards)'
                  r'\.[ch]pp$')
IMPURE_HEADER = re.compile(r'boost/asio|libpq|spdlog/')
CLOCK = re.compile(r'\w*[Cc]lock::now\b|\b(?:gettimeofday|clock_gettime|std::time)\s*\(|'
                   r'\btime\s*\(\s*(?:nullptr|NULL|0)\s*\)')
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^">]+)[">]', re.MULTILINE)


def includes(text):
    """(line, quoted, header) of every include."""
    for match in INCLUDE.finditer(text):
        line = text.count('\n', 0, match.start(2)) + 1
        yield line, match.group(1) == '"', match.group(2)


def room_of(path):
    parts = path.split('/')
    return parts[1] if len(parts) > 2 and parts[0] == 'daemon' else None


def _resolve(path, header, tree):
    beside = posixpath.join(posixpath.dirname(path), header)
    if path.startswith('tests/') and beside in tree:
        return beside
    for root in ('daemon', 'tests'):
        if root == 'tests' and path.startswith('daemon/'):
            continue
        candidate = posixpath.join(root, header)
        if candidate in tree:
            return candidate
    return None


def _check_quoted(path, header, tree):
    target = _resolve(path, header, tree)
    if target is None:
        return f'"{header}" is no file below daemon/ (or tests/): write the path from there'
    room, other = room_of(path), room_of(target)
    if room is None or room == other:
        return None
    if room not in MAY_INCLUDE:
        return f'room {room} is not in the picture: add it to docs/architecture.md and arrows.py'
    if other is None:
        return None if room == 'app' else f'only app includes "{header}"'
    if other in KINDS and room in KINDS:
        return f'no kind of maintenance includes another, here "{header}"'
    if other not in MAY_INCLUDE[room]:
        return f'{room} may not include {other}, here "{header}"'
    return None


def _way_to_impurity(path, tree, seen):
    """The includes that lead from `path` to Asio, libpq or spdlog; None when there are none."""
    seen.add(path)
    for _, quoted, header in includes(tree[path]):
        if not quoted:
            if IMPURE_HEADER.match(header):
                return [header]
            continue
        target = _resolve(path, header, tree)
        if target and target not in seen:
            rest = _way_to_impurity(target, tree, seen)
            if rest:
                return [header] + rest
    return None


def check(path, text, code, tree):
    """Yields (line, rule, text). `tree` maps every C++ path to its text."""
    for line, quoted, header in includes(text):
        if quoted:
            problem = _check_quoted(path, header, tree)
            if problem:
                yield line, 'arrow', problem
            continue
        for name, pattern, allowed in LIBRARIES:
            if re.match(pattern, header) and not re.match(allowed, path):
                yield line, 'arrow', f'{name} is not included here, only in {allowed}'
    if not PURE.match(path):
        return
    way = _way_to_impurity(path, tree, set())
    if way:
        yield 1, 'pure', 'pure code reaches a library with effects: ' + ' -> '.join(way)
    for match in CLOCK.finditer(code):
        line = code.count('\n', 0, match.start()) + 1
        yield line, 'pure', f'{match.group(0)} reads a clock: take the time as a parameter'
