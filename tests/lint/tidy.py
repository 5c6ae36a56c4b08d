#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads the tree and reports `file:line: rule: text` for whatever breaks a rule of the house."""
import pathlib
import shutil
import subprocess
import sys

import arrows
import coroutines
import cpp_text
import names
import shape

# Texts of others, and files that are data: nothing in them is ours to hold to a rule.
FOREIGN = ('LICENSE',)


def project_files(root):
    """Every file git knows or would take; without git (a release archive) every file but build/."""
    # A checkout may belong to another user, as in a container.
    git = ['git', '-c', 'safe.directory=*', '-C', str(root), 'ls-files', '-z', '--cached',
           '--others', '--exclude-standard']
    listed = None
    if shutil.which('git'):
        listed = subprocess.run(git, capture_output=True, check=False)
    if listed and listed.returncode == 0:
        names = listed.stdout.decode().split('\0')
        return sorted({name for name in names if name and (root / name).is_file()})
    found = (path.relative_to(root) for path in root.rglob('*') if path.is_file())
    return sorted(str(path) for path in found
                  if path.parts[0] not in ('build', '.git') and '__pycache__' not in path.parts)


def read_tree(root):
    """Path to text of every text file."""
    tree = {}
    for name in project_files(root):
        if name in FOREIGN:
            continue
        try:
            tree[name] = (root / name).read_text(encoding='utf-8')
        except UnicodeDecodeError:
            continue  # a picture
    return tree


def is_cpp(path):
    return path.endswith(('.cpp', '.hpp'))


def check_tree(tree):
    """All problems as (path, line, rule, text), sorted."""
    cpp = {path: text for path, text in tree.items() if is_cpp(path)}
    aggregates = set()
    for text in cpp.values():
        aggregates |= cpp_text.aggregates(text)
    codes = {path: cpp_text.without_comments(text) for path, text in cpp.items()}
    problems = list(names.check(codes))
    for path, text in tree.items():
        found = []
        if path in cpp:
            code = codes[path]
            source = cpp_text.Source(text)
            found += arrows.check(path, text, code, cpp)
            found += coroutines.check(path, code, source, aggregates)
            found += shape.check(path, text, source)
        else:
            found += shape.check(path, text)
        problems += [(path, line, rule, problem) for line, rule, problem in found]
    return sorted(problems)


def main(arguments):
    root = pathlib.Path(arguments[1] if len(arguments) > 1 else '.').resolve()
    problems = check_tree(read_tree(root))
    for path, line, rule, text in problems:
        print(f'{path}:{line}: {rule}: {text}')
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv))
