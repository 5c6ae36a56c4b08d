#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prepares clang-tidy: which compiled files are cheap to parse and worth its time.

  pure_files.py BUILD OUT     writes OUT/compile_commands.json and prints the files
"""
import json
import pathlib
import re
import sys

import arrows

# Besides the pure files those whose includes are light.
ALSO = re.compile(r'daemon/(?:config/(?!load)\w+|postgres/(?:quote|timestamp|params))\.cpp$')
# As in cmake/rooms.cmake: clang 14 has another name for C++23, and must be told of coroutines.
FOR_CLANG = '-std=c++2b -D__cpp_impl_coroutine=201902L -Wno-builtin-macro-redefined'


def main(build, out):
    root = pathlib.Path(__file__).resolve().parents[2]
    chosen = {}
    for entry in json.loads((pathlib.Path(build) / 'compile_commands.json').read_text()):
        path = pathlib.Path(entry['file'])
        if not path.is_relative_to(root) or not path.exists():
            continue
        name = path.relative_to(root).as_posix()
        if arrows.PURE.match(name) or ALSO.match(name):
            entry['command'] = re.sub(r'-std=\S+', FOR_CLANG, entry['command'])
            chosen[name] = entry
    pathlib.Path(out).mkdir(parents=True, exist_ok=True)
    text = json.dumps(list(chosen.values()), indent=1)
    (pathlib.Path(out) / 'compile_commands.json').write_text(text)
    print('\n'.join(chosen))


if __name__ == '__main__':
    main(*sys.argv[1:])
