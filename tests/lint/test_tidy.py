#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Proves that every rule of tidy.py fires on a bad snippet and stays silent on a good one."""
import contextlib
import io
import pathlib
import tempfile
import unittest
import unittest.mock

import tidy

HEADER = '// SPDX-License-Identifier: Apache-2.0\n// A file of the test.\n'
NAMED = {'.py': '# SPDX-License-Identifier: Apache-2.0\n"""A file of the test."""\n'}


def problems(path, body, others=None, header=None):
    """What tidy says about `body` at `path`, in a tree that also has `others`."""
    tree = {name: HEADER + text for name, text in (others or {}).items()}
    tree[path] = (HEADER if header is None else header) + body
    return [(rule, text) for where, _, rule, text in tidy.check_tree(tree) if where == path]


def statement(code):
    """Problems of one statement inside a coroutine of daemon/app."""
    return problems('daemon/app/x.cpp', 'Awaitable<void> f() {\n  %s\n}\n' % code,
                    {'daemon/app/y.hpp': 'struct Pair {\n  std::string a;\n};\n'
                                         'struct Timer {\n  Timer(int a);\n};\n'})


class Rule(unittest.TestCase):
    def fires(self, rule, found, words=''):
        self.assertTrue([text for name, text in found if name == rule and words in text],
                        f'{rule} ({words}) did not fire: {found}')

    def silent(self, found):
        self.assertEqual(found, [])


class Arrows(Rule):
    TREE = {name: '' for name in (
        'daemon/async/time.hpp', 'daemon/config/settings.hpp', 'daemon/telemetry/log.hpp',
        'daemon/postgres/error.hpp', 'daemon/task/step.hpp', 'daemon/http/server.hpp',
        'daemon/partition/plan.hpp', 'daemon/outbox/plan.hpp', 'daemon/saturation/judge.hpp',
        'daemon/app/app.hpp', 'daemon/exit_code.hpp', 'tests/support/run.hpp',
        'tests/unit/app/x.hpp')}

    def include(self, path, header):
        return problems(path, f'#include {header}\n', self.TREE)

    def test_an_arrow_points_downward_only(self):
        for path, header in (
                ('daemon/async/x.cpp', '"config/settings.hpp"'),
                ('daemon/config/x.cpp', '"telemetry/log.hpp"'),
                ('daemon/telemetry/x.cpp', '"postgres/error.hpp"'),
                ('daemon/postgres/x.cpp', '"telemetry/log.hpp"'),
                ('daemon/task/x.cpp', '"partition/plan.hpp"'),
                ('daemon/task/x.cpp', '"http/server.hpp"'),
                ('daemon/http/x.cpp', '"partition/plan.hpp"'),
                ('daemon/partition/x.cpp', '"app/app.hpp"'),
                ('daemon/task/x.cpp', '"exit_code.hpp"'),
                ('daemon/novel/x.cpp', '"task/step.hpp"')):
            with self.subTest(path=path, header=header):
                self.fires('arrow', self.include(path, header))

    def test_no_kind_includes_another(self):
        for kind, header in (('partition', '"outbox/plan.hpp"'),
                             ('outbox', '"saturation/judge.hpp"'),
                             ('saturation', '"partition/plan.hpp"')):
            self.fires('arrow', self.include(f'daemon/{kind}/x.cpp', header), 'no kind')

    def test_allowed_arrows_are_silent(self):
        for path, header in (
                ('daemon/config/x.cpp', '"async/time.hpp"'),
                ('daemon/telemetry/x.cpp', '"config/settings.hpp"'),
                ('daemon/postgres/x.cpp', '"config/settings.hpp"'),
                ('daemon/task/x.cpp', '"postgres/error.hpp"'),
                ('daemon/partition/x.cpp', '"task/step.hpp"'),
                ('daemon/partition/x.cpp', '"partition/plan.hpp"'),
                ('daemon/http/x.cpp', '"task/step.hpp"'),
                ('daemon/app/x.cpp', '"outbox/plan.hpp"'),
                ('daemon/app/x.cpp', '"exit_code.hpp"'),
                ('daemon/main.cpp', '"app/app.hpp"'),
                ('tests/unit/app/x.cpp', '"support/run.hpp"'),
                ('tests/unit/app/x.cpp', '"x.hpp"'),
                ('tests/unit/app/x.cpp', '"outbox/plan.hpp"')):
            with self.subTest(path=path, header=header):
                self.silent(self.include(path, header))

    def test_an_include_names_a_file_below_daemon(self):
        self.fires('arrow', self.include('daemon/task/x.cpp', '"step.hpp"'), 'no file below')
        self.fires('arrow', self.include('daemon/task/x.cpp', '"support/run.hpp"'), 'no file below')

    def test_a_library_stays_in_its_file(self):
        for header, good, bad in (
                ('<libpq-fe.h>', 'daemon/postgres/x.cpp', 'daemon/task/x.cpp'),
                ('<libpq-fe.h>', 'tests/support/x.cpp', 'tests/integration/task/x.cpp'),
                ('<boost/beast/http.hpp>', 'daemon/http/server.cpp', 'daemon/http/client.cpp'),
                ('<toml++/toml.h>', 'daemon/config/load_value.cpp', 'daemon/config/load.hpp'),
                ('<prometheus/registry.h>', 'daemon/telemetry/x.cpp', 'daemon/telemetry/x.hpp'),
                ('<spdlog/spdlog.h>', 'daemon/telemetry/x.cpp', 'daemon/app/x.cpp'),
                ('<CLI/CLI.hpp>', 'daemon/app/cli.cpp', 'daemon/task/x.cpp'),
                ('<systemd/sd-daemon.h>', 'daemon/app/x.cpp', 'daemon/task/x.cpp'),
                ('<doctest/doctest.h>', 'tests/unit/app/x.cpp', 'daemon/app/x.cpp')):
            with self.subTest(header=header):
                self.silent(self.include(good, header))
                self.fires('arrow', self.include(bad, header))

    def test_pure_files_reach_no_effects_even_through_another_header(self):
        others = {'daemon/task/a.hpp': '#include "task/b.hpp"\n',
                  'daemon/task/b.hpp': '#include <boost/asio/awaitable.hpp>\n',
                  'daemon/task/c.hpp': '#include <chrono>\n#include "task/c.hpp"\n'}
        for name in ('plan', 'judge', 'calendar', 'bounds', 'layout'):
            path = f'daemon/partition/{name}.cpp'
            self.fires('pure', problems(path, '#include <boost/asio/post.hpp>\n'), 'boost/asio')
            self.fires('pure', problems(path, '#include "task/a.hpp"\n', others), 'task/b.hpp')
            self.silent(problems(path, '#include "task/c.hpp"\n', others))
        self.fires('pure', problems('daemon/outbox/plan.hpp', '#include <libpq-fe.h>\n'))
        self.fires('pure', problems('daemon/outbox/plan.hpp', '#include <spdlog/spdlog.h>\n'))
        for path in ('daemon/outbox/batch.hpp', 'daemon/task/cadence.hpp', 'daemon/http/page.cpp'):
            self.fires('pure', problems(path, '#include "task/a.hpp"\n', others), 'task/b.hpp')
        for path in ('daemon/partition/apply.cpp', 'daemon/outbox/task.hpp',
                     'daemon/task/runner.cpp', 'daemon/saturation/catalog.cpp',
                     'daemon/http/client.cpp'):
            self.silent(problems(path, '#include "task/a.hpp"\n', others))

    def test_pure_files_read_no_clock(self):
        for call in ('std::chrono::system_clock::now()', 'std::chrono::steady_clock::now()',
                     'UtcTime::clock::now()', 'std::time(nullptr)',
                     'clock_gettime(CLOCK_REALTIME, &t)'):
            body = f'auto now() {{ return {call}; }}\n'
            self.fires('pure', problems('daemon/saturation/judge.cpp', body), 'clock')
            self.silent(problems('daemon/saturation/task.cpp', body))
        self.silent(problems('daemon/saturation/judge.cpp', '// never steady_clock::now()\n'))


class Names(Rule):
    def both(self, one, other, path='daemon/app/x.cpp', beside='daemon/app/a.cpp'):
        return problems(path, one, {beside: other})

    def test_files_of_a_room_name_no_type_and_no_constant_twice(self):
        for text in ('struct Scene {\n  int a;\n};\n', 'enum class Kind { a, b };\n',
                     'class A final : public B {\n};\n', 'constexpr int most = 3;\n',
                     'constexpr std::string_view look_sql = "";\n',
                     'const char* const names[] = {"a"};\n'):
            self.fires('one_name', self.both(text, text), 'daemon/app/a.cpp')
        case = 'struct Scene {\n};\n'
        self.fires('one_name', self.both(case, case, 'tests/fault/rescue/b_test.cpp',
                                         'tests/fault/rescue/a.hpp'))

    def test_rooms_and_suites_may_say_the_same(self):
        case = 'struct Scene {\n};\n'
        self.silent(self.both(case, case, beside='daemon/http/a.cpp'))
        self.silent(self.both(case, case, 'tests/unit/app/a.cpp', 'tests/integration/app/a.cpp'))

    def test_what_says_the_same_again_is_no_second_thing(self):
        self.silent(self.both('struct Impl;\n', 'struct Impl {\n};\n'))
        self.silent(self.both('struct Pool::Job {\n};\n', 'class Pool {\n};\n'))
        self.silent(self.both('using Json = int;\n', 'using Json = int;\n'))
        self.silent(self.both('void f() {\n  const int a = 1;\n}\n',
                              'void g() {\n  const int a = 1;\n}\n'))


class Coroutines(Rule):
    def test_braces_in_an_awaiting_expression(self):
        for code in ('co_await f({.sql = s});', 'co_await f(Request{s});',
                     'co_await f({"a", "b"});', 'co_await f({});',
                     'auto x = co_await f(Request{s});',
                     'co_return Pair{co_await g()};', 'Pair p{.a = co_await g()};',
                     'Pair p{co_await g()};', 'const app::Pair p{make(), co_await g()};',
                     'auto p = Pair{co_await g(), 1};', 'if (co_await f({1})) {\n  }',
                     'auto f = [] () -> Awaitable<void> { co_await g({1}); };',
                     'std::array<int, 2> p{1, co_await g()};',
                     'return co_await f(T{1});'):
            with self.subTest(code=code):
                self.fires('coroutine', statement(code), 'braces')

    def test_braces_elsewhere_are_fine(self):
        for code in ('Request request{s};\n  co_await f(std::move(request));',
                     'auto op = f({.sql = s});\n  co_await std::move(op);',
                     'Timer timer{co_await executor};', 'const std::string s{co_await g()};',
                     'if (co_await f()) {\n    g({1});\n  }',
                     'for (const auto& row : rows) {\n    co_await f(row);\n  }',
                     'try {\n    co_await f();\n  } catch (const Error& e) {\n    g({e});\n  }',
                     'switch (co_await f()) {\n    case 1: g({1}); break;\n  }',
                     'while (g({1})) {\n    co_await f();\n  }',
                     'if (g(T{1})) co_await f();', 'co_await f(u8"{");', "co_await f('{');",
                     'co_await f(R"({ ? })");', 'co_await f();  // {',
                     'const auto named = [&](int a) -> Awaitable<void> {\n    co_await g(a);\n'
                     '  };\n  co_await h(named);'):
            with self.subTest(code=code):
                self.silent(statement(code))

    def test_a_coroutine_with_a_value_ends_with_it(self):
        for code in ('Awaitable<int> f() {\n  co_await g();\n}\n',
                     'Awaitable<std::vector<int>> f() {\n  if (a) co_return 1;\n  b();\n}\n',
                     'Awaitable<int> f() {\n  if (a) {\n    co_return 1;\n  }\n}\n',
                     'asio::awaitable<void> h() {\n  auto f = [](int a) -> Awaitable<int> {\n'
                     '    g(a);\n  };\n}\n',
                     'Awaitable<bool> K::f(std::function<Awaitable<void>()> a) {\n  a();\n}\n'):
            with self.subTest(code=code):
                self.fires('coroutine', problems('daemon/app/x.cpp', code), 'without its value')
        for code in ('Awaitable<int> f() {\n  a();\n  co_return 1;\n}\n',
                     'Awaitable<int> f() {\n  return g();\n}\n',
                     'Awaitable<int> f() {\n  while (true) {\n    co_await g();\n  }\n}\n',
                     'Awaitable<int> f() {\n  try {\n    co_return 1;\n  } catch (...) {\n'
                     '    throw;\n  }\n}\n',
                     'Awaitable<void> f(std::function<Awaitable<int>()> a) {\n  a();\n}\n',
                     'auto f = [](Awaitable<int> a) -> Awaitable<void> {\n  co_await g(a);\n};\n',
                     'std::vector<Awaitable<int>> a;\n'):
            with self.subTest(code=code):
                self.silent(problems('daemon/app/x.cpp', code))

    def test_capturing_lambdas_in_an_awaiting_expression(self):
        for code in ('co_await f([s = s] { return s; });', 'co_await f([&] { return 1; });',
                     'co_await [s]() -> Awaitable<void> { co_return; }();',
                     'auto x = co_await f(1, [this](int a) mutable { return a; });'):
            with self.subTest(code=code):
                self.fires('coroutine', statement(code), 'lambda')
        for code in ('co_await f([] { return 1; });', 'auto [a, b] = co_await f();',
                     'const auto& [a, b] = co_await f();', 'co_await f(rows[i]);',
                     'co_await f(rows[i](1));', 'co_await f(table[i][j]);'):
            with self.subTest(code=code):
                self.silent(statement(code))

    def test_conditionals_in_an_awaiting_expression(self):
        self.fires('coroutine', statement('f(co_await g() > 3 ? x() : y());'), '?:')
        self.fires('coroutine', statement('for (int i = 0; a ? co_await b() : 1;) {\n  }'), '?:')
        self.silent(statement('if (a ? b : c) co_await f();'))
        self.silent(statement('for (int i = a ? b : c; co_await f(); ++i) {\n  }'))
        self.silent(statement('const auto a = b ? c : d;\n  co_await f(a);'))
        self.silent(statement('co_await f("?");'))

    def test_for_over_a_temporary_of_an_await(self):
        self.fires('coroutine', statement('for (auto& x : (co_await f()).rows()) {\n  }'),
                   'temporary')
        self.silent(statement('auto rows = co_await f();\n  for (auto& x : rows) {\n  }'))
        self.silent(statement('for (auto x = a::b(); co_await f(x);) {\n  }'))

    def test_co_return_of_bare_braces(self):
        self.fires('coroutine', statement('co_return {1, 2};'), 'co_return')
        self.fires('coroutine', statement('co_return {};'), 'co_return')
        self.silent(statement('co_return Pair{a};'))

    def test_awaitable_operators(self):
        header = 'boost/asio/experimental/awaitable_operators.hpp'
        self.fires('coroutine', statement('using namespace experimental::awaitable_operators;'))
        self.fires('coroutine', problems('tests/unit/async/x.cpp', f'#include <{header}>\n'))

    def test_only_async_spawns_and_nobody_detaches(self):
        self.fires('coroutine', statement('asio::co_spawn(executor, f(), done);'), 'co_spawn')
        spawn = 'void f() { asio::co_spawn(e, g(), done); }\n'
        self.silent(problems('daemon/async/x.cpp', spawn))
        self.silent(problems('tests/support/x.cpp', spawn))
        for body in (spawn.replace('done', 'asio::detached'),
                     '#include <boost/asio/detached.hpp>\n'):
            self.fires('coroutine', problems('tests/support/x.cpp', body), 'detached')
        self.silent(statement('state = State::detached;'))

    def test_only_shield_resets_the_cancellation_state(self):
        reset = 'co_await asio::this_coro::reset_cancellation_state(none);'
        self.fires('coroutine', statement(reset), 'shield')
        self.fires('coroutine', statement('co_await this_coro::throw_if_cancelled(false);'),
                   'shield')
        self.silent(statement('co_await this_coro::throw_if_cancelled();'))
        self.fires('coroutine', problems(
            'daemon/async/x.cpp', 'Awaitable<void> other() {\n  %s\n}\n' % reset), 'shield')
        self.silent(problems(
            'tests/unit/x.cpp', 'Awaitable<void> stubborn() {\n  %s\n}\n' % reset))
        self.silent(problems('daemon/async/x.cpp', 'template <class T>\nAwaitable<T> shield('
                             'Awaitable<T> a) {\n  %s\n  co_return co_await a;\n}\n' % reset))


class Shape(Rule):
    def test_sizes(self):
        self.fires('size', problems('daemon/app/x.cpp', '\n' * 399), 'lines')
        self.silent(problems('daemon/app/x.cpp', '\n' * 398))
        self.silent(problems('tests/unit/app/x.cpp', '\n' * 598))
        self.fires('size', problems('tests/unit/app/x.cpp', '\n' * 599), 'lines')
        self.fires('size', problems('daemon/app/x.cpp', '//' + 'x' * 99 + '\n'), 'columns')
        self.silent(problems('daemon/app/x.cpp', '//' + 'ä' * 98 + '\n'))
        self.silent(problems('README.md', 'x' * 200, header=''))

    def test_a_function_fits_a_screen(self):
        filler = '  g();\n' * 30 + '  if (a) {\n    b({1});\n  }\n' * 13
        long, fits = filler, filler[:-len('  if (a) {\n    b({1});\n  }\n')]
        for head in ('void f() {', 'std::map<int, int> f(int a) {',
                     'auto f() -> std::vector<int> {', 'A::A(int a) : a_{a}, b_(a) {',
                     'TEST_CASE("a sentence {") {', 'A::~A() noexcept {',
                     'bool A::operator==(const A& a) const {',
                     'class A {\n public:\n  explicit A(int a) : a_{a} {'):
            tail = '}\n};\n' if head.startswith('class') else '}\n'
            self.fires('size', problems('daemon/app/x.cpp', f'{head}\n{long}{tail}'), 'has 71')
            self.silent(problems('daemon/app/x.cpp', f'{head}\n{fits}{tail}'))
        python = NAMED['.py'] + 'def f():\n' + '    g()\n' * 70
        self.fires('size', problems('tests/lint/x.py', python, header=''), 'f has 71')
        table = 'void f() {\n  static const T t[] = {\n' + '      {1, {2}},\n' * 90 + '  };\n}\n'
        self.silent(problems('daemon/app/x.cpp', table))
        table = table.replace('static const ', '')
        self.fires('size', problems('daemon/app/x.cpp', table), 'has 94')
        style = 'auto f() {\n  return R"(\n' + 'x' * 101 + '\n' * 90 + ')";\n}\n'
        self.silent(problems('daemon/app/x.cpp', style))
        python = '#!/usr/bin/env python3\n' + python
        self.fires('size', problems('tests/run', python, header=''), 'f has 71')
        self.silent(problems('daemon/app/x.cpp', 'namespace a {\n' + 'int x;\n' * 90 + '}\n'))
        self.silent(problems('daemon/app/x.cpp', 'const T t[] = {\n' + '{1, 2},\n' * 90 + '};\n'))

    def test_leftovers(self):
        for word in ('TO' 'DO', 'FIX' 'ME', 'X' 'XX', 'HA' 'CK', 'doctest::sk' 'ip()',
                     'Not impl' 'emented', 'not yet impl' 'emented', '"/wo' 'rk/main"',
                     ' /ro' 'ot/x', ' /ho' 'me/me/x', ' /t' 'mp/x.sock', '../sha' 'red'):
            with self.subTest(word=word):
                self.fires('leftover', problems('daemon/app/x.cpp', f'// {word}\n'))
                self.fires('leftover', problems('docs/x.md', f'# {word}\n', header=''))
        for text in ('mktemp -d pgcaretaker.XX' 'XXXX', '${TMPDIR:-/t' 'mp}/x',
                     'https://a/wo' 'rk/x', 'cannot look into /ro' 'ot', 'var/t' 'mp/x'):
            with self.subTest(text=text):
                self.silent(problems('daemon/app/x.cpp', f'// {text}\n'))

    def test_headers(self):
        spdx = 'SPDX-License-Identifier: Apache-2.0'
        for path, header in (
                ('daemon/app/x.cpp', '// A file of the test.\n'),
                ('daemon/app/x.cpp', f'\n// {spdx}\n// A file of the test.\n'),
                ('daemon/app/x.cpp', f'// {spdx}\n'),
                ('daemon/app/x.cpp', f'// {spdx}\n#pragma once\n'),
                ('daemon/app/x.cpp', f'// {spdx}\n// x.cpp\n'),
                ('tests/x.sh', '#!/bin/sh\necho\n'), ('dev', '#!/bin/sh\n# A file of the test.\n'),
                ('cmake/x.cmake', '# A file.\n'), ('config/x.toml', f'# {spdx}\n'),
                ('systemd/x.service', '[Unit]\n'), ('tests/x.py', f'# {spdx}\nimport re\n')):
            with self.subTest(path=path, header=header):
                self.fires('header', problems(path, '', header=header))
        for path, header in (
                ('dev', f'#!/bin/sh\n# {spdx}\n# A file of the test.\n'),
                ('config/x.sql', f'-- {spdx}\n-- A file of the test, in\n-- two lines.\n'),
                ('CMakeLists.txt', f'# {spdx}\n# `./dev` calls this file.\n'),
                ('Dockerfile', f'# syntax=docker/dockerfile:1\n# {spdx}\n# The image, in short.\n'),
                ('tests/run', f'#!/usr/bin/env python3\n# {spdx}\n"""A file of the test."""\n'),
                ('tests/x.py', f'#!/usr/bin/env python3\n# {spdx}\n"""A file of the test."""\n'),
                ('x.sh', f'# shellcheck shell=bash\n# {spdx}\n# Sourced by the test.\n'),
                ('docs/x.md', '# A page\n'), ('config/grafana/x.json', '{}\n')):
            with self.subTest(path=path, header=header):
                self.silent(problems(path, '', header=header))


class Tree(unittest.TestCase):
    def test_a_tree_without_git_is_read_as_it_lies(self):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for name in ('build/x.cpp', 'daemon/x.cpp', 'LICENSE', 'docs/page.png'):
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_bytes(b'\x89PNG\xff' if name.endswith('png') else b'//\n')
            self.assertEqual(list(tidy.read_tree(root)), ['daemon/x.cpp'])
            with contextlib.redirect_stdout(io.StringIO()) as output:
                self.assertEqual(tidy.main(['tidy.py', folder]), 1)
            self.assertIn('daemon/x.cpp:1: header: ', output.getvalue())
            (root / 'daemon/x.cpp').write_text(HEADER)
            self.assertEqual(tidy.main(['tidy.py', folder]), 0)
            with unittest.mock.patch('shutil.which', return_value=None):
                self.assertEqual(tidy.main(['tidy.py', folder]), 0)

    def test_a_problem_names_its_line(self):
        text = HEADER + 'Awaitable<void> f() {\n  a();\n  co_await b(\n      {1});\n}\n'
        found = tidy.check_tree({'daemon/app/x.cpp': text})
        self.assertEqual([line for _, line, _, _ in found], [5])


if __name__ == '__main__':
    unittest.main()
