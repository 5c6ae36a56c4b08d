// SPDX-License-Identifier: Apache-2.0
// A database of its own for one test, in the cluster that with_postgres.sh runs.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "postgres/connection.hpp"

struct pg_conn;

namespace pgcaretaker::test {

/// A superuser's blocking session, for arranging and checking. Throws std::runtime_error.
class Admin {
 public:
  explicit Admin(const std::string& dbname);
  ~Admin();
  Admin(const Admin&) = delete;

  void execute(const std::string& sql);
  /// First column of the first row; nullopt for no row or null.
  std::optional<std::string> value(const std::string& sql);
  /// First column of every row.
  std::vector<std::string> column(const std::string& sql);
  long long number(const std::string& sql) { return std::stoll(value(sql).value()); }

 private:
  pg_conn* connection_;
};

/// Created on construction, dropped (WITH FORCE) on destruction. The cluster has, from the first
/// use on, the roles `pgc_owner` (nologin) and `pgc_caretaker` (login, member of pgc_owner and
/// pg_monitor), neither superuser nor BYPASSRLS; the database belongs to pgc_owner, with an odd
/// TimeZone.
class TestDatabase {
 public:
  /// `options` of CREATE DATABASE, such as an encoding.
  explicit TestDatabase(const std::string& options = "");
  ~TestDatabase();
  TestDatabase(const TestDatabase&) = delete;

  [[nodiscard]] const std::string& name() const { return name_; }
  /// libpq conninfo of pgc_caretaker over the Unix socket.
  [[nodiscard]] std::string dsn() const;
  /// Options with that dsn, role pgc_owner, short timeouts.
  [[nodiscard]] pg::ConnectOptions options(const std::string& purpose = "task") const;
  /// Superuser session to this database.
  Admin& admin() { return admin_; }

 private:
  std::string name_;
  Admin admin_;
};

/// major version of the cluster, e.g. 15
int server_major();

/// Runs the cluster's control script: start, stop, restart, kill. Throws when it fails.
void control_server(const std::string& verb);

}  // namespace pgcaretaker::test
