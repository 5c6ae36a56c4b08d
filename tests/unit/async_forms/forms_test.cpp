// SPDX-License-Identifier: Apache-2.0
// Coroutine forms that the code relies on: a compiler that breaks one shows here, under the
// sanitizers.
#include <doctest/doctest.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "async/awaitable.hpp"
#include "async/time.hpp"
#include "support/run.hpp"

namespace pgcaretaker {

namespace {

// Longer than any small-string buffer: a double free of it is seen.
const std::string long_text(64, 'x');

std::string text_of(char letter) {
  return std::string(64, letter);
}

Awaitable<void> suspend() {
  const auto executor = co_await asio::this_coro::executor;
  co_await asio::post(executor, asio::use_awaitable);
}

Awaitable<std::string> echo(std::string value) {
  co_await suspend();
  co_return value;
}

Awaitable<std::size_t> length_of(const std::string& value) {
  co_await suspend();
  co_return value.size();
}

Awaitable<std::size_t> length_of_view(std::string_view value) {
  co_await suspend();
  co_return value.size();
}

Awaitable<std::size_t> total(std::vector<std::string> values) {
  co_await suspend();
  co_return std::accumulate(values.begin(), values.end(), std::size_t{0},
                            [](std::size_t sum, const auto& value) { return sum + value.size(); });
}

Awaitable<std::string> value_or_empty(std::optional<std::string> value) {
  co_await suspend();
  co_return value.value_or("");
}

Awaitable<bool> answer(bool value) {
  co_await suspend();
  co_return value;
}

struct Request {
  std::string sql;
  std::vector<std::string> params;
};

Request make_request() {
  Request request;
  request.sql = long_text;
  request.params = {text_of('a'), text_of('b')};
  return request;
}

/// As the codebase wants it: a class with a constructor.
class Named {
 public:
  explicit Named(std::string name) : name_{std::move(name)} {}
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  std::string name_;
};

Awaitable<std::size_t> send(Request request) {
  co_await suspend();
  co_return request.sql.size() + request.params.size();
}

Awaitable<std::size_t> send_reference(const Request& request) {
  co_await suspend();
  co_return request.sql.size() + request.params.size();
}

Awaitable<std::size_t> greet(Named named) {
  co_await suspend();
  co_return named.name().size();
}

Awaitable<std::size_t> with_default(std::string value = text_of('d')) {
  co_await suspend();
  co_return value.size();
}

Awaitable<std::size_t> run_packed(std::string sql, std::vector<std::string> params) {
  co_await suspend();
  co_return sql.size() + params.size();
}

/// Not a coroutine: packs its arguments and returns the awaitable, as pg::Connection::query does.
template <class... Args>
Awaitable<std::size_t> packed(std::string_view sql, const Args&... args) {
  std::vector<std::string> params;
  (params.emplace_back(args), ...);
  return run_packed(std::string{sql}, std::move(params));
}

template <class T>
T result_of(Awaitable<T> operation) {
  asio::io_context loop;
  return test::run(loop, std::move(operation));
}

Awaitable<std::size_t> temporaries() {
  const std::size_t by_value = (co_await echo(text_of('a') + "!")).size();
  const std::size_t by_reference = co_await length_of(text_of('b') + "!");
  const std::size_t by_view = co_await length_of_view(text_of('c') + "!");
  const std::size_t vector = co_await total(std::vector<std::string>(3, long_text));
  const std::size_t optional = (co_await value_or_empty(std::optional(long_text))).size();
  co_return by_value + by_reference + by_view + vector + optional;
}

Awaitable<std::size_t> objects() {
  const std::size_t constructed = co_await greet(Named(long_text));
  const std::size_t made = co_await send(make_request());
  const std::size_t made_reference = co_await send_reference(make_request());
  Request request{long_text, {text_of('a')}};
  const std::size_t moved = co_await send(std::move(request));
  co_return constructed + made + made_reference + moved;
}

Awaitable<std::size_t> named_operation() {
  auto operation = send({long_text, {text_of('a'), text_of('b')}});
  co_return co_await std::move(operation);
}

Awaitable<std::size_t> named_lambda() {
  const std::string captured = text_of('l');
  const auto body = [captured, &other = long_text](std::size_t extra) -> Awaitable<std::size_t> {
    co_await suspend();
    co_return captured.size() + other.size() + extra;
  };
  co_return co_await body(1);
}

Awaitable<std::string> flow() {
  std::string story;
  switch (co_await length_of(long_text)) {
    case 64:
      story += "switch ";
      break;
    default:
      break;
  }
  if (co_await answer(true) && co_await answer(true)) {
    story += "and ";
  }
  const bool first = co_await answer(false);
  if (first || co_await answer(true)) {
    story += "or ";
  }
  while (co_await answer(false)) {
    story += "never ";
  }
  std::vector<std::pair<int, std::string>> values;
  values.emplace_back(1, co_await echo(text_of('e')));
  for (const auto& [number, text] : values) {
    story += co_await echo(text + std::to_string(number));
  }
  co_return story;
}

Awaitable<bool> tuple_of_errors() {
  asio::steady_timer timer{co_await asio::this_coro::executor, SteadyTime::clock::now()};
  const auto [error] = co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
  co_return !error;
}

Awaitable<Request> returned_aggregate() {
  co_await suspend();
  co_return Request{long_text, {text_of('r')}};
}

Awaitable<std::size_t> awaited_into_a_name() {
  const Request request = co_await returned_aggregate();
  std::string text{co_await echo(text_of('n'))};
  const Request later{text, {text}};
  co_return request.sql.size() + later.params.front().size();
}

Awaitable<std::string> after_a_catch() {
  std::string reason;
  try {
    co_await suspend();
    throw std::runtime_error(long_text);
  } catch (const std::runtime_error& error) {
    reason = error.what();
  }
  co_return co_await echo(reason);
}

}  // namespace

TEST_CASE("temporaries of strings, vectors and optionals live until the await is over") {
  CHECK(result_of(temporaries()) == 65 + 65 + 65 + 3 * 64 + 64);
}

TEST_CASE("objects with a constructor and aggregates made by a function survive an await") {
  CHECK(result_of(objects()) == 64 + 66 + 66 + 65);
}

TEST_CASE("an operation that was named first may be built with braces") {
  CHECK(result_of(named_operation()) == 66);
}

TEST_CASE("a lambda that was named first may capture") {
  CHECK(result_of(named_lambda()) == 129);
}

TEST_CASE("a plain function may pack arguments and return the awaitable") {
  CHECK(result_of(packed(long_text, text_of('p'), "q")) == 66);
}

TEST_CASE("default arguments are evaluated once and live long enough") {
  CHECK(result_of(with_default()) == 64);
}

TEST_CASE("switch, &&, ||, while and emplace_back take awaited values") {
  CHECK(result_of(flow()) == "switch and or " + text_of('e') + "1");
}

TEST_CASE("an error code arrives through structured bindings") {
  CHECK(result_of(tuple_of_errors()));
}

TEST_CASE("an aggregate may be returned, and built from values that were awaited before") {
  CHECK(result_of(awaited_into_a_name()) == 128);
}

TEST_CASE("what was caught is used after the catch block") {
  CHECK(result_of(after_a_catch()) == long_text);
}

}  // namespace pgcaretaker
