#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Proves that files which clang-tidy reads together do not clash, and that none is left out."""
import unittest

import clang_tidy


def file(own, room='config'):
    return f'namespace pgcaretaker::{room} {{\nnamespace {{\n{own}\n}}  // namespace\n\n' \
           'void outside() {}\n}\n'


class Together(unittest.TestCase):
    def own(self, text):
        return sorted(name for _, *names in clang_tidy.own_names(file(text)) for name in names
                      if name)

    def test_own_names_are_found(self):
        for text, names in (('struct Unit {\n  int a;\n};', ['Unit']),
                            ('enum class Kind { a };', ['Kind']),
                            ('using Json = nlohmann::json;', ['Json']),
                            ('using config::Table;\nusing namespace std::literals;', []),
                            ('namespace config = pgcaretaker::config;', []),
                            ('constexpr int most = 3;\nconst Unit units[] = {};',
                             ['most', 'units']),
                            ('constexpr std::array table{1, 2};', ['table']),
                            ('std::string lower(std::string text) {\n  f(text);\n}', ['lower'])):
            with self.subTest(text=text):
                self.assertEqual(self.own(text), names)

    def test_every_file_is_in_one_list_and_none_with_a_namesake(self):
        # A chain of clashes, met in the order that is hardest for two lists.
        texts = {'a': file('int one();'), 'b': file('int one();\nint two();'),
                 'c': file('int two();\nint three();'), 'd': file('int three();\nint one_more();'),
                 'e': file('int one();', 'task'), 'f': ''}
        made = clang_tidy.groups(texts, 2)
        self.assertEqual(len(made), 2)
        self.assertEqual(sorted(path for paths in made for path in paths), sorted(texts))
        for paths in made:
            for pair in ('ab', 'bc', 'cd'):
                self.assertFalse(set(pair) <= set(paths), made)

    def test_more_lists_are_made_where_all_clash(self):
        texts = {name: file('int one();') for name in 'abc'}
        self.assertEqual(sorted(clang_tidy.groups(texts, 1)), [['a'], ['b'], ['c']])

    def test_what_clang_need_not_know_is_left_out(self):
        command = 'g++ -DA=1 -I/x -isystem /y -O1 -std=c++23 -Wall -include /p.hpp -o a.o -c a.cpp'
        self.assertEqual(list(clang_tidy.flags(command)), ['-DA=1', '-I/x', '-isystem/y', '-Wall'])


if __name__ == '__main__':
    unittest.main()
