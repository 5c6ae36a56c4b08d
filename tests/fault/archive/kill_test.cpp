// SPDX-License-Identifier: Apache-2.0
// kill -9 before every file operation and every statement of archiving, each one in turn.
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "support/archive_scene.hpp"

namespace pgcaretaker {

namespace {

using archive::Archived;
using test::ArchiveScene;

/// Archives in a process of its own that kills itself before its `last`th step. True = it was
/// killed, false = it came to its end before.
bool archive_and_die(ArchiveScene& scene, const archive::Subject& subject, int last) {
  const pid_t child = fork();
  if (child == 0) {
    // Nothing of the parent's is touched: not its connection, not its loop.
    int status = 1;
    try {
      asio::io_context loop{1};
      pg::Canceller canceller;
      pg::SideThread thread{std::chrono::seconds{5}};
      archive::Workshop workshop{scene.workshop.settings, "1.2.3", thread, scene.clock};
      int steps = 0;
      workshop.on_step = [&](const std::string&) {
        if (++steps == last) kill(getpid(), SIGKILL);
      };
      const auto options = scene.database.options();
      const auto work = [&]() -> Awaitable<void> {
        const auto connection = co_await pg::Connection::connect(options, canceller);
        co_await archive::archive_table(*connection, subject, workshop);
      };
      test::run(loop, work());
      status = 0;
    } catch (...) {
    }
    _exit(status);
  }
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFSIGNALED(status)) {
    CHECK(WTERMSIG(status) == SIGKILL);
    return true;
  }
  CHECK(WEXITSTATUS(status) == 0);
  return false;
}

/// Nothing that looks like an archive is anything less.
void check_only_whole_archives(ArchiveScene& scene, std::size_t at_most) {
  const auto all = archive::list(scene.workshop.settings.directory);
  CHECK(all.size() <= at_most);
  for (const archive::Stored& stored : all) {
    REQUIRE(stored.manifest);
    CHECK(scene.faults(Archived{stored.name, stored.folder, *stored.manifest}).empty());
  }
}

}  // namespace

TEST_CASE_FIXTURE(ArchiveScene,
                  "killed before any step, archiving leaves nothing half, and converges") {
  owner(
      "CREATE TABLE audit.t AS SELECT g, md5(g::text) FROM generate_series(1, 40000) g;"
      "ALTER TABLE audit.t ENABLE ROW LEVEL SECURITY");
  for (const bool is_forced : {false, true}) {
    if (is_forced) owner("ALTER TABLE audit.t FORCE ROW LEVEL SECURITY");
    const archive::Subject what = subject("t");
    int step = 1;
    int left_lifted = 0;
    while (true) {
      CAPTURE(is_forced);
      CAPTURE(step);
      const bool was_killed = archive_and_die(*this, what, step);
      check_only_whole_archives(*this, 1);
      // The killed one's session may hold its locks for a moment.
      workshop.lock_timeout = std::chrono::seconds{10};
      const Archived archived = write(what);
      CHECK(archived.manifest.rows == 40000);
      check_only_whole_archives(*this, 1);
      const std::string forced = database.admin()
                                     .value(
                                         "SELECT relforcerowsecurity FROM pg_class WHERE oid = "
                                         "'audit.t'::regclass")
                                     .value();
      // Who is killed while it is lifted leaves it so: the planner sees that.
      if (is_forced && was_killed && forced == "f") {
        owner("ALTER TABLE audit.t FORCE ROW LEVEL SECURITY");
        ++left_lifted;
      } else {
        CHECK(forced == (is_forced ? "t" : "f"));
      }
      const auto folder = std::filesystem::path{archived.folder}.parent_path();
      CHECK(std::distance(std::filesystem::directory_iterator{folder}, {}) == 1);
      std::filesystem::remove_all(archived.folder);
      if (!was_killed) break;
      ++step;
    }
    CHECK(step > 20);
    CHECK((left_lifted > 0) == is_forced);
  }
  CHECK(restore(write(subject("t")), {"audit", "back"}) == 40000);
  CHECK(difference("audit.t", "audit.back") == 0);
}

TEST_CASE_FIXTURE(ArchiveScene,
                  "a backend that is ended before any step is an error, and the next converges") {
  owner("CREATE TABLE audit.t AS SELECT g, md5(g::text) FROM generate_series(1, 40000) g");
  const archive::Subject what = subject("t");
  for (int step = 1;; ++step) {
    CAPTURE(step);
    int steps = 0;
    workshop.on_step = [&](const std::string&) {
      if (++steps == step) {
        database.admin().execute("SELECT pg_terminate_backend(" +
                                 std::to_string(connection->backend_pid()) + ", 5000)");
      }
    };
    bool has_failed = false;
    try {
      write(what);
    } catch (const pg::Error& error) {
      has_failed = true;
      CHECK(error.is_connection_lost());
    }
    check_only_whole_archives(*this, 1);
    const bool was_reached = steps >= step;
    workshop.on_step = nullptr;
    connect_again();
    const Archived archived = write(what);
    CHECK(archived.was_there == !has_failed);
    check_only_whole_archives(*this, 1);
    std::filesystem::remove_all(archived.folder);
    if (!was_reached) break;
  }
}

}  // namespace pgcaretaker
