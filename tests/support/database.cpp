// SPDX-License-Identifier: Apache-2.0
// Test databases over blocking libpq.
#include "support/database.hpp"

#include <libpq-fe.h>
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>

namespace pgcaretaker::test {

namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr) {
    throw std::runtime_error(std::string{name} +
                             " is not set: run this test through with_postgres.sh");
  }
  return value;
}

struct Rows {
  explicit Rows(PGresult* answer) : result{answer} {}
  ~Rows() { PQclear(result); }
  Rows(const Rows&) = delete;
  PGresult* result;
};

PGresult* checked(PGconn* connection, const std::string& sql) {
  PGresult* result = PQexec(connection, sql.c_str());
  const auto status = PQresultStatus(result);
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
    const std::string message = PQresultErrorMessage(result);
    PQclear(result);
    throw std::runtime_error(sql + ": " + message);
  }
  return result;
}

std::string create_database(const std::string& options) {
  static int counter = 0;
  Admin admin{"postgres"};
  if (admin.number("SELECT count(*) FROM pg_roles WHERE rolname = 'pgc_owner'") == 0) {
    admin.execute(
        "CREATE ROLE pgc_owner NOLOGIN;"
        "CREATE ROLE pgc_caretaker LOGIN PASSWORD 'test-secret' IN ROLE pgc_owner, pg_monitor;"
        "ALTER ROLE pgc_caretaker SET timezone = 'America/St_Johns'");
  }
  std::string name = "t" + std::to_string(getpid()) + "_" + std::to_string(++counter);
  admin.execute("CREATE DATABASE " + name + " OWNER pgc_owner TEMPLATE template0 " + options);
  admin.execute("ALTER DATABASE " + name + " SET timezone = 'Asia/Kathmandu'");
  return name;
}

}  // namespace

Admin::Admin(const std::string& dbname)
    : connection_{PQconnectdb(("dbname=" + dbname +
                               " options='-c timezone=UTC -c datestyle=ISO -c "
                               "client_min_messages=warning'")
                                  .c_str())} {
  if (PQstatus(connection_) != CONNECTION_OK) {
    const std::string message = PQerrorMessage(connection_);
    PQfinish(connection_);
    throw std::runtime_error(message);
  }
}

Admin::~Admin() {
  PQfinish(connection_);
}

void Admin::execute(const std::string& sql) {
  PQclear(checked(connection_, sql));
}

std::optional<std::string> Admin::value(const std::string& sql) {
  const Rows rows{checked(connection_, sql)};
  if (PQntuples(rows.result) == 0 || PQgetisnull(rows.result, 0, 0) == 1) {
    return std::nullopt;
  }
  return PQgetvalue(rows.result, 0, 0);
}

std::vector<std::string> Admin::column(const std::string& sql) {
  const Rows rows{checked(connection_, sql)};
  std::vector<std::string> values;
  for (int i = 0; i < PQntuples(rows.result); ++i) {
    values.emplace_back(PQgetvalue(rows.result, i, 0));
  }
  return values;
}

TestDatabase::TestDatabase(const std::string& options)
    : name_{create_database(options)}, admin_{name_} {
  admin_.execute("GRANT ALL ON SCHEMA public TO pgc_owner");
}

TestDatabase::~TestDatabase() {
  try {
    Admin{"postgres"}.execute("DROP DATABASE IF EXISTS " + name_ + " WITH (FORCE)");
  } catch (const std::exception&) {
    // The cluster is thrown away anyway; a test that stopped the server ends up here.
  }
}

std::string TestDatabase::dsn() const {
  return "host=" + environment("PGHOST") + " port=" + environment("PGPORT") + " dbname=" + name_ +
         " user=pgc_caretaker";
}

pg::ConnectOptions TestDatabase::options(const std::string& purpose) const {
  pg::ConnectOptions options;
  options.database.dsn = dsn();
  options.database.role = "pgc_owner";
  options.database.statement_timeout = std::chrono::seconds{20};
  options.purpose = purpose;
  return options;
}

int server_major() {
  return static_cast<int>(Admin{"postgres"}.number("SHOW server_version_num") / 10000);
}

void control_server(const std::string& verb) {
  const std::string command = environment("PGC_TEST_PGCTL") + " " + verb;
  if (std::system(command.c_str()) != 0) {
    throw std::runtime_error(command + " failed");
  }
}

}  // namespace pgcaretaker::test
