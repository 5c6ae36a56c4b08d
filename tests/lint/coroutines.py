# SPDX-License-Identifier: Apache-2.0
"""Coroutine forms that g++ 12 miscompiles or that outlive what they use: see docs/hacking.md."""
import re

from cpp_text import LAMBDA_BODY

AWAIT = re.compile(r'\bco_await\b')
CONTROL = re.compile(r'\s*(?:else\s+)?(?:if\s+constexpr|if|while|for|switch)\s*\(')
CAPTURING = re.compile(
    r'(?:^|[^\w\s)\]]|\b(?:return|co_return|co_await))\s*\[\s*[^\[\]\s][^\[\]]*\]\s*[({<%s]'
    % LAMBDA_BODY)
DECLARATION = re.compile(
    r'^\s*(?:(?:const|static|auto)\s+)*(?P<type>[\w:]+(?:<.*>)?)?[\s&*]+\w+\s*'
    r'\{(?P<inside>[^{}]*)\}\s*$', re.DOTALL)
RANGE_FOR = re.compile(r'\s*for\s*\([^;]*$')
RANGE = re.compile(r'(?<!:):(?!:)[^:]*\bco_await\b')
CO_SPAWN = re.compile(r'\bco_spawn\b')
DETACHED = re.compile(r'\basio::detached\b|\bdetached_t\b|boost/asio/detached\.hpp')
OPERATORS = re.compile(r'\bawaitable_operators\b')
RESET = re.compile(r'\breset_cancellation_state\b|\bthrow_if_cancelled\s*\(\s*\w')
CO_RETURN_BRACE = re.compile(r'\bco_return\s*\{')
RETURNS_VALUE = re.compile(r'\bAwaitable<(?!void>)')
# What may stand last in a coroutine with a value; whether each branch gives it is not read.
GIVES_VALUE = re.compile(
    r'(?:co_return|return|throw|else|catch|switch)\b|while\s*\(true\)|for\s*\(;;\)')
# Only shield, in daemon/async, may change what a cancel does: every caller shares the change.
MAY_RESET = ('shield',)


def _closing(text, opening):
    depth = 0
    for index in range(opening, len(text)):
        depth += {'(': 1, ')': -1}.get(text[index], 0)
        if depth == 0:
            return index
    return len(text)


def full_expressions(text):
    """(offset, expression): a control head apart from what it governs, for(;;) in three."""
    start = 0
    while True:
        control = CONTROL.match(text, start)
        if not control:
            break
        end = _closing(text, control.end() - 1)
        offset = control.end()
        for part in text[offset:end].split(';'):
            yield offset, part
            offset += len(part) + 1
        start = end + 1
    yield start, text[start:]


def _is_declaration(expression, aggregates):
    """`Type name{co_await f()}` is a constructor call, unless Type is an aggregate."""
    match = DECLARATION.match(expression)
    if not match or re.match(r'\s*\.\w', match.group('inside')):
        return False
    name = re.sub(r'<.*', '', match.group('type') or '', flags=re.DOTALL).split('::')[-1]
    return name not in aggregates and name not in ('array', 'return', 'co_return', 'co_await')


def expression_problems(expression, aggregates):
    if '?' in expression:
        yield '?: together with co_await: name the value first'
    if CAPTURING.search(expression):
        yield 'a capturing lambda together with co_await: name the lambda first'
    if '{' in expression and not _is_declaration(expression, aggregates):
        yield 'braces together with co_await: name the value first'


def check_statements(source, aggregates):
    """Yields (line, rule, text) of every banned form."""
    for statement in source.statements:
        if not AWAIT.search(statement.text):
            continue
        for offset, expression in full_expressions(statement.text):
            await_at = AWAIT.search(expression)
            if not await_at:
                continue
            line = source.lines.number(statement.offsets[offset + await_at.start()])
            if offset and RANGE_FOR.match(statement.text) and RANGE.search(expression):
                yield line, 'coroutine', 'for over the temporary of a co_await: name it first'
            for problem in expression_problems(expression, aggregates):
                yield line, 'coroutine', problem


def check_words(path, code, source):
    def found(pattern, text):
        for match in pattern.finditer(code):
            yield code.count('\n', 0, match.start()) + 1, 'coroutine', text

    yield from found(CO_RETURN_BRACE, 'co_return {...} does not compile with Asio: name the type')
    yield from found(OPERATORS, 'awaitable || and && hide errors: use with_deadline')
    yield from found(DETACHED, 'a detached coroutine is joined by nobody: use task_group')
    if path.startswith('daemon/') and not path.startswith('daemon/async/'):
        yield from found(CO_SPAWN, 'co_spawn only in daemon/async: use task_group or with_deadline')
    for line, rule, text in found(RESET, 'callers share the cancellation state: use shield'):
        inside = [name for name, first, last in source.functions if first <= line <= last]
        allowed = path.startswith('daemon/async/') and set(inside) & set(MAY_RESET)
        if path.startswith('daemon/') and not allowed:
            yield line, rule, text


def _declared_type(head):
    """What the function or lambda says it returns: before its name, or after ->."""
    arrow = head.rfind('->')
    parameters = head.find('(')
    return head[arrow:] if arrow > head.rfind(')') else head[:parameters]


def check_endings(source):
    """g++ 12 does not warn of a coroutine that runs off its end without a value."""
    for head, last, line in source.endings:
        if RETURNS_VALUE.search(_declared_type(head)) and not GIVES_VALUE.match(last):
            yield line, 'coroutine', 'this may end without its value: co_return it last'


def check(path, code, source, aggregates):
    yield from check_words(path, code, source)
    yield from check_statements(source, aggregates)
    yield from check_endings(source)
