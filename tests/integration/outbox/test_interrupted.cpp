// SPDX-License-Identifier: Apache-2.0
// A sweep cut off anywhere has deleted whole batches of due rows, and the next one finishes.
#include <doctest/doctest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include "outbox_fixture.hpp"

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

struct Attempt {
  bool finished = false;
  bool cancelled = false;
};

/// Cancels the sweep after `handlers` turns of the loop.
Attempt cancelled_sweep(Session& session, const config::Outbox& settings, const task::Step& step,
                        int handlers) {
  Attempt attempt;
  asio::cancellation_signal signal;
  const outbox::SweepLimits limits;
  bool ended = false;
  asio::co_spawn(
      session.loop(),
      outbox::sweep(session.connection(), step, settings.table, outbox::State::done, limits),
      asio::bind_cancellation_slot(signal.slot(),
                                   [&](std::exception_ptr failure, const task::Applied& applied) {
                                     ended = true;
                                     attempt.finished = !failure && applied.rows == due_rows;
                                     attempt.cancelled = failure != nullptr;
                                   }));
  session.loop().restart();
  for (int i = 0; i < handlers && !ended; ++i)
    session.loop().run_one();
  if (!ended) signal.emit(asio::cancellation_type::terminal);
  session.loop().run();
  REQUIRE(ended);
  return attempt;
}

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
