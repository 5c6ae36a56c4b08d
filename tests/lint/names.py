# SPDX-License-Identifier: Apache-2.0
"""Files of a room or of a suite may be compiled together: what they name at file level differs."""
import re

# A forward declaration says the same again, and an alias may; a member's definition has its class.
NAMED = re.compile(
    r'^(?:(?:struct|class|enum(?: class)?)\s+(?P<type>\w+)(?!\w|::)(?=[^;(){]*\{)'
    r'|(?:inline\s+)?(?:constexpr|const)\s+[^=;(){}]*?'
    r'\b(?P<constant>\w+)\s*(?:\[[^\]]*\]\s*)?[={;])', re.MULTILINE)
TOGETHER = re.compile(r'(?:daemon/\w+|tests/(?:unit|integration|fault)/\w+|tests/support)(?=/)')


def named(code):
    """(line, name) of every type and constant at file level."""
    for match in NAMED.finditer(code):
        yield code.count('\n', 0, match.start()) + 1, match.group(match.lastgroup)


def check(codes):
    """`codes` is path to code without comments; yields (path, line, rule, text)."""
    seen = {}
    for path, code in sorted(codes.items()):
        together = TOGETHER.match(path)
        for line, name in named(code) if together else ():
            first = seen.setdefault((together.group(), name), path)
            if first != path:
                yield path, line, 'one_name', f'{name} is in {first} too, compiled together'
