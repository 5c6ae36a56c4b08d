// SPDX-License-Identifier: Apache-2.0
// A sweep cut off anywhere has deleted whole batches of due rows, and the next one finishes.
#include <doctest/doctest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>

#include "outbox/task.hpp"
#include "outbox_fixture.hpp"
#include "postgres/pool.hpp"
#include "task/pass.hpp"
#include "task/publish.hpp"

using namespace pgcaretaker;
using namespace pgcaretaker::test;

namespace {

constexpr int due_rows = 3000;
constexpr int kept_rows = 1000;

/// Due rows and others in turn, over some dozens of blocks.
void fill(Admin& admin) {
  admin.execute(
      "TRUNCATE public.event_outbox; INSERT INTO public.event_outbox (id, created_at, "
      "dispatched_at)"
      " SELECT CASE WHEN g % 4 = 0 THEN 'kept' ELSE 'due' END || g, now(), CASE WHEN g % 8 = 0 THEN"
      " NULL WHEN g % 4 = 0 THEN now() ELSE now() - interval '8 days' END FROM "
      "generate_series(1, " +
      std::to_string(due_rows + kept_rows) + ") g");
}

config::Settings settings_with(const config::Outbox& outbox) {
  config::Settings settings;
  settings.outboxes.push_back(outbox);
  return settings;
}

struct Attempt {
  bool finished = false;
  bool cancelled = false;
  std::int64_t rows = 0;  // as the sweep counted them
};

/// Cancels the sweep after `handlers` turns of the loop.
Attempt cancelled_sweep(Session& session, const config::Outbox& settings, const task::Step& step,
                        int handlers) {
  Attempt attempt;
  task::Applied applied;
  asio::cancellation_signal signal;
  const outbox::SweepLimits limits;
  bool ended = false;
  asio::co_spawn(session.loop(),
                 outbox::sweep(session.connection(), step, settings.table, outbox::State::done,
                               limits, session.may_go_on, applied),
                 asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr failure) {
                   ended = true;
                   attempt.finished = !failure && applied.rows == due_rows;
                   attempt.cancelled = failure != nullptr;
                   attempt.rows = applied.rows;
                 }));
  session.loop().restart();
  for (int i = 0; i < handlers && !ended; ++i)
    session.loop().run_one();
  if (!ended) signal.emit(asio::cancellation_type::terminal);
  session.loop().run();
  REQUIRE(ended);
  return attempt;
}

/// The task and what stands around it in the daemon.
struct Daemon {
  explicit Daemon(const TestDatabase& database)
      : pool{database.options(), 1, canceller, loop.get_executor()} {
    board.tasks[task.name()];
  }

  /// What /metrics says was swept.
  [[nodiscard]] std::int64_t swept_total() const {
    const std::string line =
        R"(outbox_swept_total{action="delete",state="done",table="public.event_outbox"} )";
    const std::string text = metrics.render();
    const auto at = text.find(line);
    REQUIRE(at != std::string::npos);
    return std::stoll(text.substr(at + line.size()));
  }

  asio::io_context loop{1};
  async::RealClock clock;
  pg::Canceller canceller;
  pg::Pool pool;
  outbox::OutboxTask task{event_outbox()};
  config::Settings settings = settings_with(event_outbox());
  telemetry::Metrics metrics{settings, "1"};
  task::Board board;
};

}  // namespace

TEST_CASE("a sweep cancelled at any of its awaits loses no row that is not due") {
  TestDatabase database;
  Admin& admin = database.admin();
  create_event_outbox(admin);
  fill(admin);
  const config::Outbox settings = event_outbox();
  auto session = std::make_unique<Session>(database.options());
  const auto plan = session->plan(settings);
  REQUIRE(plan.steps.size() == 1);
  int cancelled = 0;
  int partly = 0;
  int uncounted = 0;
  for (int handlers = 0;; ++handlers) {
    CAPTURE(handlers);
    const auto attempt = cancelled_sweep(*session, settings, plan.steps[0], handlers);
    if (session->connection().state() != pg::SessionState::ready) {
      session = std::make_unique<Session>(database.options());
    }
    REQUIRE(admin.number("SELECT count(*) FROM public.event_outbox WHERE id LIKE 'kept%'") ==
            kept_rows);
    const auto due = admin.number("SELECT count(*) FROM public.event_outbox WHERE id LIKE 'due%'");
    cancelled += attempt.cancelled ? 1 : 0;
    partly += due > 0 && due < due_rows ? 1 : 0;
    // Cut off while a batch commits, nobody knows whether it did: it is not counted.
    REQUIRE(attempt.rows <= due_rows - due);
    uncounted += attempt.rows < due_rows - due ? 1 : 0;
    if (attempt.finished) {
      CHECK(due == 0);
      break;
    }
    if (due < due_rows) {
      CHECK(session->sweep(settings, plan.steps[0]).rows == due);
      fill(admin);
    }
    REQUIRE(handlers < 2000);
  }
  CHECK(cancelled > 10);
  CHECK(partly > 0);
  CHECK(uncounted < partly);
}

TEST_CASE("what a sweep had committed when a later batch failed is reported and counted") {
  TestDatabase database;
  Admin& admin = database.admin();
  create_event_outbox(admin);
  fill(admin);
  admin.execute(
      "CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION "
      "$$not this one$$; END'; CREATE TRIGGER refuse BEFORE DELETE ON public.event_outbox FOR EACH "
      "ROW WHEN (OLD.id = 'due3901') EXECUTE FUNCTION public.refuse()");
  Daemon daemon{database};
  const task::Report report =
      run(daemon.loop, task::run_pass(daemon.task, daemon.pool, daemon.clock, {}));
  task::publish(report, daemon.board, daemon.metrics);
  const auto deleted =
      due_rows - admin.number("SELECT count(*) FROM public.event_outbox WHERE id LIKE 'due%'");
  CHECK(deleted > 0);
  REQUIRE(report.acts.size() == 1);
  CHECK(report.acts[0].result == "failed");
  CHECK(report.acts[0].rows == deleted);
  CHECK(daemon.swept_total() == deleted);
}

TEST_CASE("what a sweep had committed when it was stopped is reported and counted") {
  TestDatabase database;
  Admin& admin = database.admin();
  create_event_outbox(admin);
  fill(admin);
  admin.execute(
      "CREATE FUNCTION public.linger() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM "
      "pg_catalog.pg_sleep(60); RETURN OLD; END'; CREATE TRIGGER linger BEFORE DELETE ON "
      "public.event_outbox FOR EACH ROW WHEN (OLD.id = 'due3901') EXECUTE FUNCTION "
      "public.linger()");
  Daemon daemon{database};
  asio::cancellation_signal stop;
  std::optional<task::Report> report;
  asio::co_spawn(daemon.loop, task::run_pass(daemon.task, daemon.pool, daemon.clock, {}),
                 asio::bind_cancellation_slot(
                     stop.slot(), [&](std::exception_ptr failure, task::Report finished) {
                       CHECK(failure == nullptr);
                       report = std::move(finished);
                     }));
  while (admin.number("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND "
                      "datname = current_database()") == 0) {
    daemon.loop.poll();
  }
  stop.emit(asio::cancellation_type::terminal);
  daemon.loop.run();
  REQUIRE(report);
  task::publish(*report, daemon.board, daemon.metrics);
  const auto deleted =
      due_rows - admin.number("SELECT count(*) FROM public.event_outbox WHERE id LIKE 'due%'");
  CHECK(deleted > 0);
  REQUIRE(report->acts.size() == 1);
  CHECK(report->acts[0].error == "interrupted");
  CHECK(report->acts[0].rows == deleted);
  CHECK(daemon.swept_total() == deleted);
}

TEST_CASE("a sweep whose backend is terminated throws, and the next one finishes") {
  TestDatabase database;
  Admin& admin = database.admin();
  create_event_outbox(admin);
  fill(admin);
  const config::Outbox settings = event_outbox();
  Session session{database.options()};
  const auto plan = session.plan(settings);
  // The row trigger kills the sweep's own backend in the middle of a batch.
  admin.execute(
      "CREATE FUNCTION public.kill() RETURNS trigger SECURITY DEFINER LANGUAGE plpgsql AS "
      "'BEGIN PERFORM pg_catalog.pg_terminate_backend(pg_catalog.pg_backend_pid()); RETURN OLD; "
      "END';"
      "CREATE TRIGGER kill BEFORE DELETE ON public.event_outbox FOR EACH ROW WHEN (OLD.id = "
      "'due3901') EXECUTE FUNCTION public.kill()");
  try {
    session.sweep(settings, plan.steps.at(0));
    FAIL("the sweep outlived its backend");
  } catch (const pg::Error& error) {
    CHECK(error.is_connection_lost());
  }
  CHECK(session.connection().state() == pg::SessionState::closed);
  const auto due = admin.number("SELECT count(*) FROM public.event_outbox WHERE id LIKE 'due%'");
  CHECK(due > 0);
  CHECK(due < due_rows);
  admin.execute("DROP TRIGGER kill ON public.event_outbox");
  Session next{database.options()};
  CHECK(next.sweep(settings, next.plan(settings).steps.at(0)).rows == due);
  CHECK(admin.number("SELECT count(*) FROM public.event_outbox") == kept_rows);
}
