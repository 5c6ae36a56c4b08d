// SPDX-License-Identifier: Apache-2.0
// What a test of archives needs: a database, a directory, and both calls in short.
#pragma once

#include <string>

#include "archive/catalog.hpp"
#include "archive/error.hpp"
#include "archive/files.hpp"
#include "archive/restore.hpp"
#include "archive/store.hpp"
#include "archive/verify.hpp"
#include "archive/write.hpp"
#include "support/process.hpp"
#include "support/scene.hpp"

namespace pgcaretaker::test {

struct ArchiveScene : Scene {
  explicit ArchiveScene(const std::string& options = "") : Scene{options} {
    database.admin().execute("CREATE SCHEMA audit AUTHORIZATION pgc_owner");
    make_directory("archive");
    connect_again();
  }

  void make_directory(const std::string& name) {
    archive::make_folder(directory.path(""), name);
    workshop.settings.directory = directory.path(name);
  }

  void connect_again() {
    run([&]() -> Awaitable<void> { connection = co_await connect(); });
  }

  /// SQL as the owner of the tables.
  void owner(const std::string& sql) {
    database.admin().execute("SET ROLE pgc_owner; " + sql + "; RESET ROLE");
  }

  archive::Subject subject(const std::string& name) {
    archive::Subject subject;
    subject.table = {"audit", name};
    subject.oid = database.admin().number("SELECT 'audit." + name + "'::regclass::oid::int8");
    subject.is_detached =
        database.admin().number("SELECT count(*) FROM pg_inherits WHERE inhrelid = 'audit." + name +
                                "'::regclass") == 0;
    return subject;
  }

  archive::Archived write(const archive::Subject& what) {
    archive::Archived archived;
    run([&]() -> Awaitable<void> {
      archived = co_await archive::archive_table(*connection, what, workshop);
    });
    return archived;
  }

  /// The line of the Error that writing throws; "" = none.
  std::string problem_of_writing(const archive::Subject& what) {
    try {
      write(what);
    } catch (const archive::Error& error) {
      return error.what();
    }
    return "";
  }

  std::vector<std::string> faults(const archive::Archived& archived) {
    std::vector<std::string> found;
    run([&]() -> Awaitable<void> {
      const archive::Progress progress;
      found =
          co_await archive::verify(thread, archived.folder, archived.manifest, progress, nullptr);
    });
    return found;
  }

  std::int64_t restore(const archive::Archived& archived, const config::TableName& as,
                       bool attach = false) {
    archive::RestoreRequest request;
    request.folder = archived.folder;
    request.manifest = archived.manifest;
    request.as = as;
    request.attach = attach;
    request.watch = watch;
    archive::Restored restored;
    run([&]() -> Awaitable<void> {
      restored = co_await archive::restore(*connection, request, workshop);
    });
    return restored.rows;
  }

  std::string problem_of_restoring(const archive::Archived& archived, const config::TableName& as,
                                   bool attach = false) {
    try {
      restore(archived, as, attach);
    } catch (const archive::Error& error) {
      return error.what();
    }
    return "";
  }

  /// Rows of one that are not in the other, counted as often as they are there.
  long long difference(const std::string& one, const std::string& other) {
    const auto minus = [](const std::string& a, const std::string& b) {
      return "(SELECT t::text FROM ONLY " + a + " t EXCEPT ALL SELECT t::text FROM ONLY " + b +
             " t)";
    };
    return database.admin().number("SELECT count(*) FROM (" + minus(one, other) + " UNION ALL " +
                                   minus(other, one) + ") AS difference");
  }

  TemporaryDirectory directory;
  async::RealClock clock;
  pg::SideThread thread{std::chrono::seconds{5}};
  archive::Workshop workshop{config::Archive{}, "1.2.3", thread, clock};
  std::unique_ptr<pg::Connection> connection;
  pg::Connection* watch = nullptr;  // of restores
};

}  // namespace pgcaretaker::test
