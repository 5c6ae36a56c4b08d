// SPDX-License-Identifier: Apache-2.0
// TLS with a CA of our own: verified to the host's name, or refused.
#include <doctest/doctest.h>

#include <cstdlib>
#include <stdexcept>

#include "support/files.hpp"
#include "support/scene.hpp"

namespace pgcaretaker {

namespace {

using namespace std::chrono_literals;

void shell(const std::string& command) {
  if (std::system(("{ " + command + "; } >/dev/null 2>&1").c_str()) != 0) {
    throw std::runtime_error{command + " failed"};
  }
}

/// A CA and a certificate for `localhost`, readable for the server.
void make_certificates(const std::string& folder) {
  shell("mkdir -p '" + folder + "'");
  const std::string in = "cd '" + folder + "' && ";
  shell(in +
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj '/CN=test CA' -keyout ca.key "
        "-out ca.crt");
  shell(in +
        "openssl req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout server.key -out "
        "server.csr");
  shell(in +
        "printf 'subjectAltName=DNS:localhost' > names && openssl x509 -req -in server.csr -days 2 "
        "-CA ca.crt -CAkey ca.key -CAcreateserial -extfile names -out server.crt");
  shell(in + "chmod 600 server.key && chmod 755 . && chown --reference=.. server.key server.crt");
}

class TlsServer {
 public:
  explicit TlsServer(test::Admin& admin)
      : admin_{admin}, folder_{std::string{std::getenv("PGC_TEST_CLUSTER")} + "/tls"} {
    make_certificates(folder_);
    admin_.execute("ALTER SYSTEM SET ssl_cert_file = '" + folder_ + "/server.crt'");
    admin_.execute("ALTER SYSTEM SET ssl_key_file = '" + folder_ + "/server.key'");
    admin_.execute("ALTER SYSTEM SET ssl = on");
    test::control_server("reload");
  }
  ~TlsServer() {
    for (const char* const setting : {"ssl", "ssl_cert_file", "ssl_key_file"}) {
      admin_.execute(std::string{"ALTER SYSTEM RESET "} + setting);
    }
    test::control_server("reload");
  }
  TlsServer(const TlsServer&) = delete;
  TlsServer& operator=(const TlsServer&) = delete;

  [[nodiscard]] std::string ca() const { return folder_ + "/ca.crt"; }

 private:
  test::Admin& admin_;
  std::string folder_;
};

/// The first connect after a reload may still meet the old settings.
Awaitable<std::unique_ptr<pg::Connection>> connect_soon(test::Scene& scene,
                                                        const pg::ConnectOptions& options) {
  const SteadyTime deadline = test::in(10s);
  while (true) {
    try {
      co_return co_await pg::Connection::connect(options, scene.canceller);
    } catch (const pg::Error&) {
      if (std::chrono::steady_clock::now() > deadline) throw;
    }
  }
}

std::string over_tcp(const test::Scene& scene) {
  return "hostaddr=127.0.0.1 port=" + std::string{std::getenv("PGPORT")} +
         " dbname=" + scene.database.name() + " ";
}

}  // namespace

TEST_CASE("a session over TLS is verified to the name of the host") {
  test::Scene scene;
  const TlsServer server{scene.database.admin()};
  auto options = scene.database.options();
  options.database.role.clear();  // pg_stat_ssl shows a session to its own role
  const std::string common = over_tcp(scene) + "user=pgc_caretaker sslmode=verify-full ";
  scene.run([&]() -> Awaitable<void> {
    options.database.dsn = common + "host=localhost sslrootcert=" + server.ca();
    const auto connection = co_await connect_soon(scene, options);
    const pg::Result result = co_await connection->query(
        "tls", "SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()");
    CHECK(result.only_row().get<bool>("ssl"));
    const std::string big(std::size_t{1} << 20, 'b');
    const pg::Result echo = co_await connection->query("big", "SELECT $1::text AS t", big);
    CHECK(echo.only_row().text("t") == big);
    connection->set_deadline(test::in(50ms));
    const auto late = co_await test::failure_of(connection->query("sleep", "SELECT pg_sleep(30)"));
    CHECK(late.has_value());
    CHECK(connection->state() == pg::SessionState::ready);

    // The same where we look the name up.
    options.database.dsn = "host=localhost port=" + std::string{std::getenv("PGPORT")} +
                           " dbname=" + scene.database.name() +
                           " user=pgc_caretaker sslmode=verify-full sslrootcert=" + server.ca();
    const auto by_name = co_await pg::Connection::connect(options, scene.canceller);
    CHECK(by_name->peer() == "localhost:" + std::string{std::getenv("PGPORT")});

    options.database.dsn = common + "host=elsewhere sslrootcert=" + server.ca();
    const auto wrong_name =
        co_await test::failure_of(pg::Connection::connect(options, scene.canceller));
    REQUIRE(wrong_name.has_value());
    CHECK(wrong_name->message().find("does not match host name") != std::string::npos);
    const std::string no_file = std::getenv("PGC_TEST_CLUSTER") + std::string{"/nowhere.crt"};
    options.database.dsn = common + "host=localhost sslrootcert=" + no_file;
    const auto no_ca = co_await test::failure_of(pg::Connection::connect(options, scene.canceller));
    REQUIRE(no_ca.has_value());
    CHECK(no_ca->message().find("nowhere.crt") != std::string::npos);
  });
}

TEST_CASE("a refusal over TLS makes libpq try again on a new socket, which is followed") {
  test::Scene scene;
  const TlsServer server{scene.database.admin()};
  test::Admin& admin = scene.database.admin();
  admin.execute("DROP ROLE IF EXISTS pgc_plain; CREATE ROLE pgc_plain LOGIN");
  test::prepend(admin.value("SHOW hba_file").value(),
                "hostssl all pgc_plain 127.0.0.1/32 reject\n");
  test::control_server("reload");
  auto options = scene.database.options();
  options.database.role.clear();
  options.database.dsn = over_tcp(scene) + "user=pgc_plain sslmode=require";
  scene.run([&]() -> Awaitable<void> {
    const SteadyTime deadline = test::in(10s);
    std::string sqlstate;
    while (sqlstate != "28000" && std::chrono::steady_clock::now() < deadline) {
      auto operation = pg::Connection::connect(options, scene.canceller);
      const auto refused = co_await test::failure_of(std::move(operation));
      if (refused) sqlstate = refused->sqlstate();
    }
    REQUIRE(sqlstate == "28000");
    options.database.dsn = over_tcp(scene) + "user=pgc_plain sslmode=prefer";
    const auto connection = co_await pg::Connection::connect(options, scene.canceller);
    const pg::Result result = co_await connection->query(
        "tls", "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()");
    CHECK_FALSE(result.only_row().get<bool>("ssl"));
  });
}

}  // namespace pgcaretaker
