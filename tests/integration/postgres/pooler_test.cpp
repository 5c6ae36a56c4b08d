// SPDX-License-Identifier: Apache-2.0
// Behind a real PgBouncer: a session that is ours alone is taken, one that is shared is refused.
#include <doctest/doctest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "support/scene.hpp"

namespace pgcaretaker {

namespace {

using namespace std::chrono_literals;
using asio::ip::tcp;

unsigned short free_port() {
  asio::io_context loop;
  const tcp::endpoint any{asio::ip::address_v4::loopback(), 0};
  return tcp::acceptor{loop, any}.local_endpoint().port();
}

/// A PgBouncer in front of the test's cluster.
class PgBouncer {
 public:
  explicit PgBouncer(const std::string& settings)
      : folder_{std::string{std::getenv("PGC_TEST_CLUSTER")} + "/pgbouncer"}, port_{free_port()} {
    std::filesystem::create_directories(folder_);
    std::ofstream{folder_ + "/users"} << "\"pgc_caretaker\" \"\"\n";
    std::ofstream{folder_ + "/pgbouncer.ini"}
        << "[databases]\n* = host=" << std::getenv("PGHOST") << " port=" << std::getenv("PGPORT")
        << "\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = " << port_
        << "\nunix_socket_dir =\nauth_type = trust\nauth_file = " << folder_ << "/users\n"
        << settings << '\n';
    start();
    wait_until_it_listens();
  }
  ~PgBouncer() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    std::filesystem::remove_all(folder_);
  }
  PgBouncer(const PgBouncer&) = delete;
  PgBouncer& operator=(const PgBouncer&) = delete;

  [[nodiscard]] pg::ConnectOptions options(const test::Scene& scene) const {
    auto options = scene.database.options();
    options.database.dsn = "host=127.0.0.1 port=" + std::to_string(port_) +
                           " dbname=" + scene.database.name() + " user=pgc_caretaker";
    return options;
  }
  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  void start() {
    std::string file = folder_ + "/pgbouncer.ini";
    std::string program = "/usr/sbin/pgbouncer";
    std::string quiet = "-q";
    std::string as = "-upostgres";  // root is refused
    const bool is_root = ::geteuid() == 0;
    std::array<char*, 5> arguments{program.data(), quiet.data(), is_root ? as.data() : file.data(),
                                   is_root ? file.data() : nullptr, nullptr};
    if (posix_spawn(&pid_, program.c_str(), nullptr, nullptr, arguments.data(), environ) != 0) {
      throw std::runtime_error{program + " cannot be started: run  ./dev setup"};
    }
  }
  void wait_until_it_listens() const {
    asio::io_context loop;
    const tcp::endpoint where{asio::ip::address_v4::loopback(), port_};
    const SteadyTime deadline = test::in(10s);
    boost::system::error_code error;
    do {
      tcp::socket socket{loop};
      socket.connect(where, error);
      if (waitpid(pid_, nullptr, WNOHANG) == pid_) throw std::runtime_error{"pgbouncer has ended"};
    } while (error && std::chrono::steady_clock::now() < deadline);
    if (error) throw std::runtime_error{"pgbouncer does not listen"};
  }

  std::string folder_;
  unsigned short port_;
  pid_t pid_ = 0;
};

/// The error's line; "" when connecting went well.
std::string refusal(test::Scene& scene, const pg::ConnectOptions& options) {
  std::string text;
  scene.run([&]() -> Awaitable<void> {
    const auto failure =
        co_await test::failure_of(pg::Connection::connect(options, scene.canceller));
    if (!failure) co_return;
    CHECK(failure->kind() == pg::Error::Kind::refused);
    text = failure->what();
  });
  return text;
}

}  // namespace

TEST_CASE("a pooler that shares sessions is refused before anything is set in one") {
  for (const char* const settings :
       {"pool_mode = transaction", "pool_mode = statement",
        "pool_mode = transaction\nserver_round_robin = 1",
        "pool_mode = transaction\nserver_reset_query_always = 1",
        "pool_mode = transaction\ndefault_pool_size = 1",
        "pool_mode = statement\nmin_pool_size = 3",
        "pool_mode = transaction\nserver_round_robin = 1\nmin_pool_size = 3"}) {
    CAPTURE(settings);
    test::Scene scene;
    const PgBouncer pooler{settings};
    for (int round = 0; round < 3; ++round) {
      CHECK(refusal(scene, pooler.options(scene)) ==
            "cannot prepare the session: at " + pooler.address() +
                " a pooler hands each transaction to another session (PgBouncer: pool_mode "
                "transaction or statement); connect to PostgreSQL directly, or to a pool in "
                "session mode");
    }
    CHECK(scene.database.admin().number(
              "SELECT count(*) FROM pg_stat_activity WHERE usename = 'pgc_caretaker' AND "
              "datname = current_database()") > 0);
    // '', the reset and the check are the pooler's own doing.
    CHECK(scene.database.admin().number(
              "SELECT count(*) FROM pg_stat_activity WHERE usename = 'pgc_caretaker' AND "
              "datname = current_database() AND query NOT LIKE '%pg_backend_pid()%' AND "
              "lower(query) NOT IN ('', 'discard all', 'select 1')") == 0);
  }
}

TEST_CASE("behind a pooler in session mode a session is as good as a direct one") {
  test::Scene scene;
  const PgBouncer pooler{"pool_mode = session"};
  scene.run([&]() -> Awaitable<void> {
    const auto options = pooler.options(scene);
    for (int round = 0; round < 3; ++round) {
      const auto connection = co_await pg::Connection::connect(options, scene.canceller);
      const auto other = co_await pg::Connection::connect(options, scene.canceller);
      const pg::Result result = co_await connection->query(
          "look", "SELECT pg_catalog.pg_backend_pid() AS pid, current_setting('TimeZone') AS zone");
      CHECK(result.only_row().get<int>("pid") == connection->backend_pid());
      CHECK(result.only_row().get<std::string>("zone") == "UTC");
      connection->set_deadline(test::in(50ms));
      const auto late =
          co_await test::failure_of(connection->query("sleep", "SELECT pg_sleep(30)"));
      CHECK(late.has_value());
      CHECK(connection->state() == pg::SessionState::ready);
    }
  });
}

TEST_CASE("a pool in session mode that has no place for a second client is no reason to refuse") {
  test::Scene scene;
  const PgBouncer pooler{"pool_mode = session\ndefault_pool_size = 1"};
  const SteadyTime start = std::chrono::steady_clock::now();
  CHECK(refusal(scene, pooler.options(scene)).empty());
  CHECK(std::chrono::steady_clock::now() - start < 4s);
}

}  // namespace pgcaretaker
