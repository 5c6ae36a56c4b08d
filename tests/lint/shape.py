# SPDX-License-Identifier: Apache-2.0
"""Sizes, file headers, leftovers and paths: what every text file of the project is held to."""
import ast
import re

MAX_LINES = 400
MAX_TEST_LINES = 600
MAX_FUNCTION_LINES = 70
MAX_COLUMNS = 100

SOURCE = re.compile(r'\.(cpp|hpp|py|sh|cmake|sql)$|(^|/)(CMakeLists\.txt|Dockerfile)$')
# Formats that carry the licence as well, but whose line length is their reader's business.
CONFIGURATION = re.compile(r'\.(toml|ya?ml|service|socket|timer|conf)$')
LICENCE = 'SPDX-License-Identifier: Apache-2.0'
COMMENT = re.compile(r'^\s*(?://|--|#)\s?')

# Written in pieces, so that this file passes its own rules.
LEFTOVER = re.compile(r'\b(?:TO' r'DO|FIX' r'ME|X' r'XX|HA' r'CK)\b|\bdoctest::sk' r'ip\b')
STUB = re.compile(r'\bnot (?:yet )?impl' r'emented\b', re.IGNORECASE)
MACHINE_PATH = re.compile(r'(?<![\w.}/:])/(?:work|root|home)/\w')
TEMPORARY_PATH = re.compile(r'(?<![\w.}/])(?<!:-)/t' r'mp/[\w$%.]')
OUTSIDE = re.compile(r'\.\./sha' r'red\b')


def is_source(path, text):
    return bool(SOURCE.search(path)) or (text.startswith('#!') and not path.endswith('.md'))


def is_python(path, text):
    return path.endswith('.py') or bool(re.match(r'#!.*\bpython3?\n', text))


def check_sizes(path, text, functions, raw, data):
    limit = MAX_TEST_LINES if path.startswith('tests/') else MAX_LINES
    lines = text.splitlines()
    if len(lines) > limit:
        yield len(lines), 'size', f'{len(lines)} lines, the limit is {limit}: split by concern'
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_COLUMNS and number not in raw:
            yield number, 'size', f'{len(line)} columns, the limit is {MAX_COLUMNS}'
    for name, first, last in functions:
        length = sum(1 for line in range(first, last + 1) if line not in data)
        if length > MAX_FUNCTION_LINES:
            yield first, 'size', f'{name} has {length} lines, the limit is {MAX_FUNCTION_LINES}'


def python_functions(text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.name, node.lineno, node.end_lineno


def check_header(path, text):
    """The licence line, then a sentence: a comment, or in Python the docstring."""
    lines = text.splitlines()
    at = 1 if lines and lines[0].startswith('#!') else 0
    if at < len(lines) and re.match(r'# (?:syntax=|shellcheck )', lines[at]):
        at += 1  # what a tool wants to see first
    if at >= len(lines) or LICENCE not in lines[at]:
        yield at + 1, 'header', f'this line must say {LICENCE}'
        return
    sentence = []
    for line in lines[at + 1:]:
        if is_python(path, text) and line.startswith('"""'):
            sentence.append(ast.get_docstring(ast.parse(text)) or '')
            break
        if not COMMENT.match(line):
            break
        sentence.append(COMMENT.sub('', line))
    words = ' '.join(sentence).strip()
    if len(words.split()) < 3 or '.' not in words:
        yield at + 2, 'header', 'this line must say in a sentence what the file is for'


def check_leftovers(text):
    for number, line in enumerate(text.splitlines(), 1):
        for pattern, problem in (
                (LEFTOVER, 'finish it or file an issue'),
                (STUB, 'a stub is worse than nothing'),
                (MACHINE_PATH, 'a path of one machine'),
                (TEMPORARY_PATH, 'a fixed temporary path: use mktemp or ${TMPDIR:-...}'),
                (OUTSIDE, 'a file outside of the project')):
            match = pattern.search(line)
            if match:
                yield number, 'leftover', f'{match.group(0).strip()}: {problem}'


def check(path, text, source=None):
    """`source` is the text as cpp_text reads it, when it is C++."""
    yield from check_leftovers(text)
    if is_source(path, text):
        if source:
            yield from check_sizes(path, text, source.functions, source.raw, source.data)
        else:
            functions = python_functions(text) if is_python(path, text) else ()
            yield from check_sizes(path, text, functions, (), ())
    if is_source(path, text) or CONFIGURATION.search(path):
        yield from check_header(path, text)
