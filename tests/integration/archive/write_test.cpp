// SPDX-License-Identifier: Apache-2.0
// Writing archives on a real server: what is in them, what is refused, what is left of a failure.
#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "archive/proof.hpp"
#include "async/task_group.hpp"
#include "postgres/transaction.hpp"
#include "support/archive_scene.hpp"
#include "support/cancel_everywhere.hpp"

namespace pgcaretaker {

namespace {

using namespace std::chrono_literals;
using archive::Archived;
using test::ArchiveScene;

constexpr const char* events_of_january =
    "CREATE TABLE audit.events (id bigint GENERATED ALWAYS AS IDENTITY, at timestamptz NOT NULL, "
    "note text, twice bigint GENERATED ALWAYS AS (id * 2) STORED) PARTITION BY RANGE (at);"
    "CREATE TABLE audit.january PARTITION OF audit.events FOR VALUES FROM "
    "('2024-01-01 00:00:00+00') TO ('2024-02-01 00:00:00+00');"
    "INSERT INTO audit.events (at, note) SELECT timestamptz '2024-01-05 00:00+00' + g * interval "
    "'1 second', CASE g % 4 WHEN 0 THEN NULL WHEN 1 THEN '' WHEN 2 THEN E'a\"b,\\n' ELSE 'x' END "
    "FROM generate_series(1, 1000) g";
constexpr const char* bounds =
    "FOR VALUES FROM ('2024-01-01 00:00:00+00') TO ('2024-02-01 00:00:00+00')";

archive::Subject january(ArchiveScene& scene) {
  archive::Subject subject = scene.subject("january");
  subject.parent = config::TableName{"audit", "events"};
  subject.bounds = bounds;
  subject.plan_id = "plan";
  return subject;
}

/// Every file and folder below, without what `archive` is itself.
std::vector<std::string> tree(const ArchiveScene& scene) {
  std::vector<std::string> paths;
  const std::string root = scene.workshop.settings.directory;
  for (const auto& entry : std::filesystem::recursive_directory_iterator{root}) {
    paths.push_back(entry.path().string().substr(root.size() + 1));
  }
  std::ranges::sort(paths);
  return paths;
}

/// Whether unchanged_since_archived() lets a drop go on; its transaction is rolled back.
bool may_drop(ArchiveScene& scene, const Archived& archived) {
  struct Undone {};
  bool is_unchanged = false;
  scene.run([&]() -> Awaitable<void> {
    const auto body = [&]() -> Awaitable<void> {
      auto statements = archive::unchanged_since_archived(archived.manifest.fingerprint.oid,
                                                          archived.manifest.table);
      archive::compare_with(statements.back(), archived.manifest.fingerprint);
      for (const auto& statement : statements) {
        pg::Params params;
        for (const std::string& param : statement.params) {
          params.add(param);
        }
        const pg::Result result =
            co_await scene.connection->run(statement.name, statement.sql, std::move(params));
        is_unchanged = result.size() == 1;
      }
      throw Undone{};
    };
    const pg::TransactionOptions options;
    try {
      co_await pg::transact(*scene.connection, options, body);
    } catch (const Undone&) {
    }
  });
  return is_unchanged;
}

}  // namespace

TEST_CASE_FIXTURE(ArchiveScene, "a detached partition becomes an archive that says all of it") {
  owner(events_of_january);
  owner("ALTER TABLE audit.events DETACH PARTITION audit.january");
  const Archived archived = write(january(*this));
  CHECK_FALSE(archived.was_there);
  CHECK(archived.name == "audit.events/january.2024-01-01_2024-02-01");
  CHECK(tree(*this) == std::vector<std::string>{
                           "audit.events", archived.name, archived.name + "/data.bin.zst",
                           archived.name + "/data.csv.zst", archived.name + "/manifest.json"});
  const archive::Manifest& manifest = archived.manifest;
  CHECK(archive::load("", archived.folder).manifest == manifest);
  CHECK(manifest.rows == 1000);
  CHECK(manifest.parent == config::TableName{"audit", "events"});
  CHECK(manifest.bounds == bounds);
  CHECK(manifest.key_column == "at");
  CHECK(manifest.key_type == "timestamp with time zone");
  CHECK(manifest.encoding == "UTF8");
  CHECK(manifest.database == database.name());
  CHECK(manifest.pgcaretaker == "1.2.3");
  CHECK(manifest.plan_id == "plan");
  REQUIRE(manifest.columns.size() == 4);
  CHECK(manifest.columns[1].not_null);
  CHECK(manifest.columns[3].generated == "stored");
  CHECK(manifest.copied_columns() == std::vector<std::string>{"id", "at", "note"});
  CHECK(faults(archived).empty());
  CHECK(std::filesystem::status(archived.folder).permissions() ==
        std::filesystem::perms::owner_all);
  CHECK(database.admin().number("SELECT count(*) FROM audit.january") == 1000);
  CHECK(connection->state() == pg::SessionState::ready);
}

TEST_CASE_FIXTURE(ArchiveScene, "the unpacked CSV is what psql would write") {
  owner(
      "CREATE TABLE audit.t (a int, b text); INSERT INTO audit.t VALUES (1, ''), (2, NULL), "
      "(3, E'say \"hi\"\\n')");
  const Archived archived = write(subject("t"));
  archive::PackedReader reader{archived.folder, "data.csv.zst", archive::FileFormat::csv, 2};
  CHECK(reader.read(1000) == "a,b\n1,\"\"\n2,\n3,\"say \"\"hi\"\"\n\"\n");
}

TEST_CASE_FIXTURE(ArchiveScene, "what was archived already is found again, not written twice") {
  owner(events_of_january);
  owner("ALTER TABLE audit.events DETACH PARTITION audit.january");
  const Archived first = write(january(*this));
  const Archived second = write(january(*this));
  CHECK(second.was_there);
  CHECK(second.folder == first.folder);
  CHECK(second.manifest == first.manifest);
  owner("UPDATE audit.january SET note = note WHERE id = 7");
  const Archived third = write(january(*this));
  CHECK_FALSE(third.was_there);
  CHECK(third.name == first.name + ".2");
  CHECK(faults(first).empty());
  CHECK(faults(third).empty());
  CHECK(write(january(*this)).folder == third.folder);
}

TEST_CASE_FIXTURE(ArchiveScene, "an archive that is damaged is not taken for one, nor touched") {
  owner(events_of_january);
  const Archived first = write(january(*this));
  const std::string path = first.folder + "/data.csv.zst";
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 1);
  const auto found = faults(first);
  REQUIRE(found.size() == 1);
  CHECK(found[0] == path + " is cut off");
  const Archived second = write(january(*this));
  CHECK_FALSE(second.was_there);
  CHECK(second.name == first.name + ".2");
  CHECK(faults(first) == found);
}

TEST_CASE_FIXTURE(ArchiveScene, "leftovers of a crash are removed, and a manifest alone decides") {
  owner(events_of_january);
  archive::make_folder(workshop.settings.directory, "audit.events");
  const std::string folder = workshop.settings.directory + "/audit.events";
  archive::make_folder(folder, ".partial-january.2024-01-01_2024-02-01");
  archive::make_folder(folder, ".partial-other");
  archive::write_file(folder + "/.partial-other/data.bin.zst", "half");
  archive::make_folder(folder, "january.2024-01-01_2024-02-01");
  CHECK(archive::list(workshop.settings.directory).front().problem ==
        "it has no manifest.json, so it is no archive");
  const Archived archived = write(january(*this));
  CHECK(archived.name == "audit.events/january.2024-01-01_2024-02-01.2");
  CHECK(tree(*this).size() == 6);
}

TEST_CASE_FIXTURE(ArchiveScene, "any write after archiving keeps the table from being dropped") {
  const std::string make =
      "DROP TABLE IF EXISTS audit.t; CREATE TABLE audit.t (a int, b text); INSERT INTO audit.t "
      "SELECT g, repeat('b', 3000) FROM generate_series(1, 500) g; DELETE FROM audit.t WHERE a = 9";
  for (const char* change :
       {"INSERT INTO audit.t VALUES (1, '')", "DELETE FROM audit.t WHERE a = 3",
        "UPDATE audit.t SET b = b WHERE a = 3", "TRUNCATE audit.t",
        "DELETE FROM audit.t WHERE a = 3; INSERT INTO audit.t VALUES (3, repeat('b', 3000))",
        "ALTER TABLE audit.t RENAME TO u; CREATE TABLE audit.t AS TABLE audit.u; DROP TABLE "
        "audit.u",
        "ALTER TABLE audit.t ALTER a TYPE bigint"}) {
    CAPTURE(change);
    owner(make);
    const Archived archived = write(subject("t"));
    CHECK(may_drop(*this, archived));
    owner(change);
    CHECK_FALSE(may_drop(*this, archived));
  }
  owner(make);
  const Archived archived = write(subject("t"));
  database.admin().execute("VACUUM (FREEZE, ANALYZE) audit.t");
  CHECK(may_drop(*this, archived));
}

TEST_CASE_FIXTURE(ArchiveScene, "forced row-level security hides nothing from the archive") {
  owner(events_of_january);
  owner(
      "ALTER TABLE audit.events DETACH PARTITION audit.january; ALTER TABLE audit.january ENABLE "
      "ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY");
  const Archived archived = write(january(*this));
  CHECK(archived.manifest.rows == 1000);
  CHECK(database.admin().value("SELECT relforcerowsecurity FROM pg_class WHERE relname = "
                               "'january'") == "t");
  CHECK(may_drop(*this, archived));
  archive::Subject shared = january(*this);
  shared.is_detached = false;
  CHECK(problem_of_writing(shared) ==
        "policies of audit.january would hide rows from this role: archive it with a role that "
        "has BYPASSRLS");
}

TEST_CASE_FIXTURE(ArchiveScene, "a backup reads on while forced row-level security is lifted") {
  owner(events_of_january);
  owner(
      "ALTER TABLE audit.events DETACH PARTITION audit.january; ALTER TABLE audit.january ENABLE "
      "ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY");
  const auto is_forced = [&] {
    return database.admin().value(
               "SELECT relforcerowsecurity FROM pg_class WHERE relname = "
               "'january'") == "t";
  };
  test::Admin backup{database.name()};
  backup.execute("BEGIN; SET LOCAL lock_timeout = '50ms'");
  std::vector<bool> forced;
  bool stays = false;
  workshop.lock_timeout = 200ms;
  workshop.on_step = [&](const std::string& step) {
    if (step == "finish data.bin.zst")
      backup.execute("LOCK TABLE audit.january IN ACCESS SHARE MODE");
    if (step == "finish data.csv.zst" && !stays) backup.execute("COMMIT");
    if (step == "read back") forced.push_back(is_forced());
  };
  CHECK_FALSE(write(january(*this)).is_lifted);
  CHECK(forced == std::vector{true});
  // Who stays keeps it from being forced again, and is not waited for.
  std::filesystem::remove_all(workshop.settings.directory + "/audit.events");
  backup.execute("BEGIN; SET LOCAL lock_timeout = '50ms'");
  stays = true;
  CHECK(write(january(*this)).is_lifted);
  CHECK(forced == std::vector{true, false});
  CHECK_FALSE(is_forced());
}

TEST_CASE_FIXTURE(ArchiveScene, "an archive that fails leaves row-level security forced") {
  owner(events_of_january);
  owner(
      "ALTER TABLE audit.events DETACH PARTITION audit.january; ALTER TABLE audit.january ENABLE "
      "ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY");
  bool has_reached = false;
  workshop.on_step = [&](const std::string& step) {
    if (step != "copy data.csv.zst") return;
    has_reached = true;
    throw archive::Error{"the disk is full"};
  };
  CHECK(problem_of_writing(january(*this)) == "the disk is full");
  CHECK(has_reached);
  CHECK(tree(*this) == std::vector<std::string>{"audit.events"});
  CHECK(database.admin().value("SELECT relforcerowsecurity FROM pg_class WHERE relname = "
                               "'january'") == "t");
  CHECK(connection->state() == pg::SessionState::ready);
}

TEST_CASE_FIXTURE(ArchiveScene, "nobody writes while a detached table is archived") {
  owner("CREATE TABLE audit.t AS SELECT g, repeat('x', 1000) FROM generate_series(1, 5000) g");
  bool has_tried = false;
  workshop.on_step = [&](const std::string& step) {
    if (step != "finish data.bin.zst") return;
    has_tried = true;
    test::Admin other{database.name()};
    other.execute("SET lock_timeout = '50ms'");
    CHECK_THROWS(other.execute("INSERT INTO audit.t VALUES (0)"));
    CHECK(other.number("SELECT count(*) FROM audit.t") == 5000);
  };
  CHECK(write(subject("t")).manifest.rows == 5000);
  CHECK(has_tried);
}

TEST_CASE_FIXTURE(ArchiveScene, "rows that come while an attached one is archived are not in it") {
  owner(events_of_january);
  workshop.on_step = [&](const std::string& step) {
    if (step == "copy data.csv.zst") {
      database.admin().execute("INSERT INTO audit.events (at) VALUES ('2024-01-02 00:00:00+00')");
    }
  };
  const Archived archived = write(subject("january"));
  CHECK(archived.manifest.rows == 1000);
  CHECK(archived.manifest.files[1].rows == 1000);
  CHECK_FALSE(may_drop(*this, archived));
}

TEST_CASE_FIXTURE(ArchiveScene,
                  "what cannot be archived is refused in one line, and leaves nothing") {
  owner(events_of_january);
  archive::Subject other = january(*this);
  other.oid += 1;
  CHECK(problem_of_writing(other) == "audit.january is another table by now: nothing was archived");
  archive::Subject parent = subject("events");
  CHECK(problem_of_writing(parent) ==
        "audit.events is no plain table, only such a one can be archived");
  CHECK(tree(*this) == std::vector<std::string>{"audit.events"});
  workshop.settings.directory = directory.path("nowhere");
  CHECK(problem_of_writing(january(*this)) ==
        "cannot make the folder " + directory.path("nowhere/audit.events") +
            ": No such file or directory: archive.directory must be there");
  workshop.settings.directory = "/proc";
  CHECK(
      problem_of_writing(january(*this)).starts_with("cannot make the folder /proc/audit.events"));
  CHECK(connection->state() == pg::SessionState::ready);
}

TEST_CASE_FIXTURE(ArchiveScene,
                  "a disk that is full ends it in one line, and the space is free again") {
  owner("CREATE TABLE audit.t AS SELECT g, md5(g::text) FROM generate_series(1, 20000) g");
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  for (const rlim_t limit : {0UL, 100UL, 200000UL}) {
    CAPTURE(limit);
    rlimit small = before;
    small.rlim_cur = limit;
    setrlimit(RLIMIT_FSIZE, &small);
    const std::string problem = problem_of_writing(subject("t"));
    setrlimit(RLIMIT_FSIZE, &before);
    CHECK(problem.starts_with("cannot write "));
    CHECK(problem.find("File too large") != std::string::npos);
    CHECK(tree(*this) == std::vector<std::string>{"audit.t"});
    CHECK(connection->state() == pg::SessionState::ready);
  }
  CHECK(write(subject("t")).manifest.rows == 20000);
}

TEST_CASE_FIXTURE(ArchiveScene, "what root archives belongs to whom the directory belongs") {
  if (geteuid() != 0) {
    MESSAGE("not tried: only root gives files away");
    return;
  }
  constexpr uid_t user = 4711;
  constexpr gid_t group = 4712;
  owner("CREATE TABLE audit.t AS SELECT g FROM generate_series(1, 10) g");
  const std::string& root = workshop.settings.directory;
  // An earlier version has left this to root.
  archive::make_folder(root, "audit.t");
  REQUIRE(chown(root.c_str(), user, group) == 0);
  write(subject("t"));
  const auto paths = tree(*this);
  CHECK(paths.size() == 5);
  for (const std::string& path : paths) {
    CAPTURE(path);
    struct stat found {};
    REQUIRE(stat((root + '/' + path).c_str(), &found) == 0);
    CHECK(found.st_uid == user);
    CHECK(found.st_gid == group);
  }
}

TEST_CASE_FIXTURE(ArchiveScene, "two at a time do not get in each other's way") {
  owner("CREATE TABLE audit.t AS SELECT g FROM generate_series(1, 10) g");
  std::string problem;
  workshop.on_step = [&](const std::string& step) {
    if (step != "publish") return;
    const std::string folder = workshop.settings.directory + "/audit.t";
    try {
      static_cast<void>(archive::lock_folder(folder));
    } catch (const archive::Error& error) {
      problem = error.what();
    }
  };
  write(subject("t"));
  CHECK(problem.starts_with("another pgcaretaker is writing an archive into "));
}

TEST_CASE_FIXTURE(ArchiveScene,
                  "a cancel at any await leaves an archive or none, and a ready session") {
  owner(
      "CREATE TABLE audit.t AS SELECT g, md5(g::text) FROM generate_series(1, 3000) g;"
      "ALTER TABLE audit.t ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY");
  const archive::Subject what = subject("t");
  int complete = 0;
  const auto operation = [&]() -> Awaitable<void> {
    co_await archive::archive_table(*connection, what, workshop);
  };
  const auto check = [&](const test::CancelledRound& round) {
    CAPTURE(round.step);
    REQUIRE(connection->state() == pg::SessionState::ready);
    const auto all = archive::list(workshop.settings.directory);
    REQUIRE(all.size() <= 1);
    if (!all.empty()) {
      REQUIRE(all[0].manifest);
      CHECK(faults(Archived{"", all[0].folder, *all[0].manifest}).empty());
      std::filesystem::remove_all(all[0].folder);
      ++complete;
    }
    CHECK(tree(*this).size() <= 1);
    CHECK(database.admin().value("SELECT relforcerowsecurity FROM pg_class WHERE relname = 't'") ==
          "t");
  };
  CHECK(test::cancel_everywhere(loop, operation, check) > 30);
  CHECK(complete >= 1);
}

}  // namespace pgcaretaker
