#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs clang-tidy on the files that are cheap to parse and worth its time.

  clang_tidy.py BUILD OUT     with BUILD/compile_commands.json; OUT is for what it writes

Nearly all of a run goes into the headers of libraries, which every check walks through anew for
each file. So files are read together: a few made-up ones include them all. Names that two files
keep to themselves would clash there; such files are kept apart.
"""
import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

import arrows

# Besides the pure files those whose includes are light.
ALSO = re.compile(r'daemon/(?:config/(?!load)\w+|postgres/(?:quote|timestamp|params))\.cpp$')
# As in cmake/rooms.cmake: clang 14 has another name for C++23, and must be told of coroutines. It
# does not know all of g++'s warnings.
FOR_CLANG = ['-std=c++2b', '-D__cpp_impl_coroutine=201902L', '-Wno-builtin-macro-redefined',
             '-Wno-unknown-warning-option']
TIDY = ['clang-tidy-14', '--quiet', '--warnings-as-errors=*']
# Of a file that CMake makes to compile several together.
INCLUDED = re.compile(r'^#include "(.+)"$', re.MULTILINE)
ROOM = re.compile(r'^namespace ([\w:]+) \{$', re.MULTILINE)
UNNAMED = re.compile(r'^namespace \{$(.*?)^\}  // namespace$', re.MULTILINE | re.DOTALL)
# What starts a line there: a type by its name, anything else by the name before its value.
OWN = re.compile(r'^(?:(?:struct|class|enum class|enum)\s+(\w+)|using\s+(\w+)\s*='
                 r'|(?!using\b|namespace\b)\w[^\n({=;]*?(\w+)\s*(?:\[\w*\]\s*)?[({=;])',
                 re.MULTILINE)


def own_names(text):
    """The names that a file keeps to itself, each with the namespace around it."""
    room = ''.join(ROOM.findall(text)[:1])
    return {(room, *found) for part in UNNAMED.findall(text) for found in OWN.findall(part)}


def groups(texts, count):
    """The paths of `texts` in `count` or more lists of about one size, without a clash in any."""
    names = {path: own_names(text) for path, text in texts.items()}
    made = [(set(), []) for _ in range(count)]
    left = set(texts)

    def fitting(path):
        return [paths for taken, paths in made if not taken & names[path]]

    while left:
        # Who has the least choice goes first, and the long before the short.
        path = min(left, key=lambda path: (len(fitting(path)), -len(texts[path]), path))
        if not fitting(path):
            made.append((set(), []))
        smallest = min(fitting(path), key=lambda paths: sum(len(texts[path]) for path in paths))
        smallest.append(path)
        for taken, paths in made:
            if paths is smallest:
                taken |= names[path]
        left.remove(path)
    return [sorted(paths) for _, paths in made if paths]


def flags(command):
    """What of a g++ command clang needs to know as well."""
    words = iter(shlex.split(command))
    for word in words:
        if word == '-isystem':
            yield f'-isystem{next(words)}'
        elif word[:2] in ('-I', '-D', '-W'):
            yield word


def compiled(build):
    """(path, command) of every file; those that are compiled together have one command."""
    for entry in json.loads((build / 'compile_commands.json').read_text()):
        path = pathlib.Path(entry['file'])
        if 'Unity' in path.parts:
            for inner in INCLUDED.findall(path.read_text()):
                yield pathlib.Path(inner), entry['command']
        else:
            yield path, entry['command']


def chosen(root, build):
    """Path to compile command of the files to look at."""
    found = {}
    for path, command in compiled(build):
        if path.is_relative_to(root) and path.exists():
            name = path.relative_to(root).as_posix()
            if arrows.PURE.match(name) or ALSO.match(name):
                found[str(path)] = command
    return found


def tidy(path, options):
    done = subprocess.run([*TIDY, path, '--', *FOR_CLANG, *options], capture_output=True,
                          text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def look_at(together, paths, commands):
    """(status, text) of one list of files."""
    options = list(dict.fromkeys(flag for path in paths for flag in flags(commands[path])))
    together.write_text(''.join(f'#include "{path}"  // NOLINT(bugprone-suspicious-include)\n'
                                for path in paths))
    # One file's names shadow another's here; g++ looks at each alone.
    results = [tidy(str(together), [*options, '-Wno-shadow'])]
    if '[clang-diagnostic-' in results[0][1]:
        # They clash after all, or one is wrong by itself: what each says alone counts.
        results = [tidy(path, options) for path in paths]
    failed = [out + err for status, out, err in results if status]
    return bool(failed), ''.join(failed)


def main(build, out):
    root = pathlib.Path(__file__).resolve().parents[2]
    out = pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    commands = chosen(root, pathlib.Path(build))
    texts = {path: pathlib.Path(path).read_text(encoding='utf-8') for path in commands}
    cores = len(os.sched_getaffinity(0))
    lists = groups(texts, min(cores, 4))
    with concurrent.futures.ThreadPoolExecutor(cores) as pool:
        files = [out / f'together_{number}.cpp' for number, _ in enumerate(lists)]
        results = list(pool.map(look_at, files, lists, [commands] * len(lists)))
    print(''.join(text for _, text in results), end='')
    return any(failed for failed, _ in results)


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
