// SPDX-License-Identifier: Apache-2.0
// Hosts by name: every address is tried, and a name service that is dead holds nothing up.
#include <doctest/doctest.h>

#include <cstdlib>

#include "async/task_group.hpp"
#include "support/hanging_names.hpp"
#include "support/scene.hpp"

namespace pgcaretaker {

namespace {

using namespace std::chrono_literals;

pg::ConnectOptions by_name(const test::Scene& scene, const std::string& hosts) {
  auto options = scene.database.options();
  options.database.dsn = "host=" + hosts + " port=" + std::getenv("PGPORT") +
                         " dbname=" + scene.database.name() + " user=pgc_caretaker";
  return options;
}

/// Where a connect ended, or the error's line.
std::string peer(test::Scene& scene, const pg::ConnectOptions& options, pg::Canceller& canceller) {
  std::string text;
  scene.run([&]() -> Awaitable<void> {
    try {
      const auto connection = co_await pg::Connection::connect(options, canceller);
      text = connection->peer();
    } catch (const pg::Error& error) {
      text = error.what();
    }
  });
  return text;
}

/// Both addresses of every name; the server listens on the second.
pg::Found both(const std::string& /*host*/) {
  pg::Found found;
  found.addresses = {"::1", "127.0.0.1"};
  return found;
}

}  // namespace

TEST_CASE("localhost is looked up for real and reached") {
  test::Scene scene;
  const std::string port = std::getenv("PGPORT");
  CHECK(peer(scene, by_name(scene, "localhost"), scene.canceller) == "localhost:" + port);
}

TEST_CASE("the address that answers is taken, whichever it is") {
  test::Scene scene;
  const std::string port = std::getenv("PGPORT");
  pg::Canceller canceller{&both};
  CHECK(peer(scene, by_name(scene, "localhost"), canceller) == "localhost:" + port);
  auto options = by_name(scene, "localhost");
  options.database.dsn += " target_session_attrs=prefer-standby";
  CHECK(peer(scene, options, canceller) == "localhost:" + port);
  options.database.dsn += " target_session_attrs=standby";
  CHECK(peer(scene, options, canceller).find("server is not in hot standby mode") !=
        std::string::npos);
}

TEST_CASE("a refusal by the server is not asked for again at its other addresses") {
  test::Scene scene;
  const auto twice = [](const std::string&) {
    pg::Found found;
    found.addresses = {"127.0.0.1", "127.0.0.1"};
    return found;
  };
  pg::Canceller canceller{twice};
  auto options = by_name(scene, "db1");
  options.database.dsn += " user=pgc_nobody";
  const std::string text = peer(scene, options, canceller);
  CHECK(text.find("role \"pgc_nobody\" does not exist") != std::string::npos);
  CHECK(text.find("; ") == std::string::npos);
}

TEST_CASE("a name that nobody has, or that hangs, gives way to the next host") {
  test::HangingNames names;
  test::Scene scene;
  pg::Canceller canceller{names.look_up()};
  const std::string port = std::getenv("PGPORT");
  auto options = by_name(scene, "no-such-host.invalid,dead1,localhost");
  options.database.connect_timeout = 2s;
  CHECK(peer(scene, options, canceller) == "localhost:" + port);
  options = by_name(scene, "dead1");
  options.database.connect_timeout = 100ms;
  CHECK(peer(scene, options, canceller) ==
        "cannot resolve host \"dead1\": no answer of the name service within 0.1 s");
}

TEST_CASE("while a name hangs, a statement is cancelled at its deadline as ever") {
  test::HangingNames names;
  test::Scene scene;
  pg::Canceller canceller{names.look_up()};
  async::TaskGroup group{scene.loop.get_executor()};
  const auto hang = [&]() -> Awaitable<void> {
    auto options = by_name(scene, "dead1");
    options.database.connect_timeout = 1min;
    co_await pg::Connection::connect(options, canceller);
  };
  const SteadyTime start = std::chrono::steady_clock::now();
  scene.run([&]() -> Awaitable<void> {
    const auto options = scene.database.options();
    const auto connection = co_await pg::Connection::connect(options, canceller);
    group.spawn("hanging", hang());
    connection->set_deadline(test::in(50ms));
    const auto late = co_await test::failure_of(connection->query("sleep", "SELECT pg_sleep(30)"));
    REQUIRE(late.has_value());
    CHECK(late->kind() == pg::Error::Kind::deadline);
    CHECK(connection->state() == pg::SessionState::ready);
    CHECK(names.begun() == 1);
    group.cancel_all();
    co_await group.join();
  });
  CHECK(std::chrono::steady_clock::now() - start < 5s);
}

}  // namespace pgcaretaker
