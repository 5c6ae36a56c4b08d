# SPDX-License-Identifier: Apache-2.0
"""Enough of a C++ reader for the lint: statements and functions, without comments and literals."""
import bisect
import re

COMMENT_OR_LITERAL = re.compile(
    r'''//[^\n]*
      | /\*.*?\*/
      | (?:u8|[uUL])?R"(?P<delimiter>[^()\s\\]{0,16})\(.*?\)(?P=delimiter)"
      | "(?:\\.|[^"\\\n])*"
      | (?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'
    ''', re.DOTALL | re.VERBOSE)
DIRECTIVE = re.compile(r'^[ \t]*#(?:[^\n]*\\\n)*[^\n]*', re.MULTILINE)
SCOPE_HEAD = re.compile(
    r'^\s*(?:template\s*<.*>\s*)?(?:inline\s+|typedef\s+|export\s+)*'
    r'(?:namespace|class|struct|union|enum|extern)\b[^=(]*(?:\([^()]*\))?[^=(]*$', re.DOTALL)
TRAILING_RETURN = re.compile(r'\)\s*(?:const|noexcept|mutable|\s)*->\s*[^;{}()=]*$', re.DOTALL)
BLOCK_AFTER = re.compile(
    r'(?:^|[);{}:]|\b(?:else|do|try|const|noexcept|override|final|mutable))\s*$')
LAMBDA_TAIL = re.compile(
    r'(?:^|[^\w\s)\]]|\b(?:return|co_return|co_await))\s*\[(?!\[)[^\[\]]*\]\s*'
    r'(?:<[^<>]*>\s*)?(?:\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)\s*)?'
    r'(?:mutable|noexcept|\s)*(?:->\s*[^;{}()]*)?$', re.DOTALL)
LAMBDA_BODY = '\x01'  # stands in a statement where the body of a lambda was


def _spaces(match):
    text = match.group(0)
    if text.startswith('/'):
        return re.sub(r'[^\n]', ' ', text)
    # Quotes stay, so that a literal still looks like an argument.
    return text[0] + re.sub(r'[^\n]', ' ', text[1:-1]) + text[-1]


def without_comments(text):
    """The same text, same length: comments and the insides of literals are blank."""
    return COMMENT_OR_LITERAL.sub(_spaces, text)


def without_directives(text):
    return DIRECTIVE.sub(lambda match: re.sub(r'[^\n]', ' ', match.group(0)), text)


class Lines:
    """Offset to 1-based line number."""

    def __init__(self, text):
        self._starts = [0] + [match.end() for match in re.finditer('\n', text)]

    def number(self, offset):
        return bisect.bisect_right(self._starts, offset)


class Statement:
    """One full expression (or the head of a block), with the bodies of its lambdas taken out."""

    def __init__(self):
        self.text = ''
        self.offsets = []

    def add(self, character, offset):
        self.text += character
        self.offsets.append(offset)


class _Frame:
    def __init__(self, kind):
        self.kind = kind  # scope, function, block, lambda
        self.statement = Statement()
        self.depth = 0    # open parentheses, brackets and initialiser braces
        self.function = None
        self.head = ''    # of a function or a lambda: its declaration
        self.last = ''    # the statement, or the head of the block, that stands last in it


def raw_lines(text):
    """Numbers of the lines that lie in a raw string, its first and last apart: another language."""
    lines = Lines(text)
    numbers = set()
    for match in COMMENT_OR_LITERAL.finditer(text):
        if match.group('delimiter') is not None:
            numbers.update(range(lines.number(match.start()) + 1, lines.number(match.end() - 1)))
    return numbers


class Source:
    """`statements` in order, `functions` as (name, first line, last line), `data` as line numbers,
    `endings` as (declaration, last statement, last line) of functions and lambdas.

    Data is what stands inside raw strings and the initialisers of static tables.
    """

    def __init__(self, text):
        self.statements = []
        self.functions = []
        self.endings = []
        self.lines = Lines(text)
        self.raw = raw_lines(text)
        self.data = set(self.raw)
        self._frames = [_Frame('scope')]
        self._initialisers = []  # one entry an open brace: where its initialiser began, or None
        code = without_directives(without_comments(text))
        for offset, character in enumerate(code):
            self._take(character, offset)

    def _take(self, character, offset):
        frame = self._frames[-1]
        if character == '{':
            self._open(frame, offset)
        elif character == '}' and self._initialisers:
            began = self._initialisers.pop()
            if began is not None:
                frame.depth -= 1
                if re.match(r'\s*static\s+const', frame.statement.text):
                    first = self.lines.number(began)
                    self.data.update(range(first + 1, self.lines.number(offset)))
                frame.statement.add(character, offset)
            else:
                self._close(offset)
        elif character == ';' and frame.depth == 0:
            self._finish(frame)
        else:
            frame.depth += {'(': 1, '[': 1, ')': -1, ']': -1}.get(character, 0)
            frame.statement.add(character, offset)

    def _finish(self, frame):
        if frame.statement.text.strip():
            self.statements.append(frame.statement)
            frame.last = frame.statement.text.strip()
        frame.statement = Statement()

    def _open(self, frame, offset):
        head = frame.statement.text
        is_lambda = LAMBDA_TAIL.search(head) is not None
        is_scope = frame.kind == 'scope' and frame.depth == 0 and SCOPE_HEAD.search(head)
        is_block = is_lambda or is_scope or (frame.depth == 0 and (
            BLOCK_AFTER.search(head.rstrip()) or TRAILING_RETURN.search(head)))
        if not is_block:
            # A struct inside a function is a scope as well; anything else is an initialiser.
            if frame.depth == 0 and re.match(r'\s*(?:struct|class|enum|union)\s+\w+[^=()]*$', head):
                is_scope = True
            else:
                self._initialisers.append(offset)
                frame.depth += 1
                frame.statement.add('{', offset)
                return
        self._initialisers.append(None)
        if is_lambda:
            inner = _Frame('lambda')
            inner.head = head
            self._frames.append(inner)
            return
        inner = _Frame('scope' if is_scope else 'block')
        if frame.kind == 'scope' and not is_scope:
            inner.kind = 'function'
            inner.head = head
            name = re.search(r'([\w:~]+)\s*\(', head)
            inner.function = (name.group(1) if name else '?', self._first_line(frame, offset))
        self._finish(frame)
        self._frames.append(inner)

    def _first_line(self, frame, offset):
        head = frame.statement.text
        label = re.match(r'\s*(?:(?:public|private|protected)\s*:\s*)+', head)
        start = label.end() if label else len(head) - len(head.lstrip())
        offsets = frame.statement.offsets
        return self.lines.number(offsets[start] if start < len(offsets) else offset)

    def _close(self, offset):
        frame = self._frames.pop()
        self._finish(frame)
        if frame.head:
            self.endings.append((frame.head, frame.last, self.lines.number(offset)))
        if frame.function:
            name, first = frame.function
            self.functions.append((name, first, self.lines.number(offset)))
        if frame.kind == 'lambda':
            self._frames[-1].statement.add(LAMBDA_BODY, offset)


def aggregates(text):
    """Names of the structs in `text` that have no constructor of their own."""
    code = without_comments(text)
    names = set()
    for match in re.finditer(r'\bstruct\s+(\w+)\s*(?:final\s*)?(?::[^:{;][^{;]*)?\{', code):
        depth, end = 1, match.end()
        while depth and end < len(code):
            depth += {'{': 1, '}': -1}.get(code[end], 0)
            end += 1
        if not re.search(r'(?<!~)\b%s\s*\(' % match.group(1), code[match.end():end]):
            names.add(match.group(1))
    return names
