// SPDX-License-Identifier: Apache-2.0
// Looking at real holders of locks, and asking only when nobody would be kept waiting for long.
#include "postgres/lock_budget.hpp"

#include <doctest/doctest.h>

#include <boost/asio/co_spawn.hpp>
#include <string>
#include <thread>
#include <vector>

#include "support/fake_clock.hpp"
#include "support/scene.hpp"

namespace pgcaretaker {

namespace {

using namespace std::chrono_literals;
using pg::Attempt;
using pg::LockMode;
using test::Admin;

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// A table, and a search for its lock under a clock that the test moves.
struct Search {
  Search() {
    scene.database.admin().execute(
        "CREATE TABLE public.ledger (id int); INSERT INTO public.ledger VALUES (1)");
    connection = test::run(scene.loop, scene.connect());
    oid = scene.database.admin().number("SELECT 'public.ledger'::regclass::oid::int8");
    wanted.push_back({oid, LockMode::access_exclusive});
    hooks.attempt = [this](Duration lock_timeout) { return attempt(lock_timeout); };
    hooks.may_go_on = [this] { return may_go_on; };
    hooks.in_a_hurry = [this] { return others_wait; };
    hooks.growing = [this](Duration lock_timeout) { grown.push_back(lock_timeout); };
    hooks.waiting = [this](const std::vector<pg::Holder>& holders) { waited_for = holders; };
  }

  Awaitable<Attempt> attempt(Duration lock_timeout) {
    ++attempts;
    asked.push_back(lock_timeout);
    const Attempt result = outcome;
    co_return result;
  }

  std::vector<pg::Holder> holders(LockMode mode) {
    return test::run(scene.loop, pg::conflicting_holders(*connection, {{oid, mode}}));
  }

  /// Runs the search, which asks once more at its end; each time that it pauses `in_pause` is
  /// called, then the clock moves on.
  pg::LockSpent run(Duration lock_timeout, Duration patience,
                    const std::function<void(int)>& in_pause) {
    return run(pg::LockEffort{lock_timeout, patience, {lock_timeout}}, in_pause);
  }

  pg::LockSpent run(const pg::LockEffort& effort, const std::function<void(int)>& in_pause) {
    std::optional<pg::LockSpent> spent;
    std::exception_ptr failure;
    const auto ended = [&](std::exception_ptr error, pg::LockSpent result) {
      failure = error;
      spent = std::move(result);
    };
    asio::co_spawn(scene.loop,
                   pg::search_lock(*connection, clock, clock.now(), effort, wanted, hooks), ended);
    scene.loop.restart();
    for (int pauses = 0; !spent;) {
      scene.loop.poll();
      if (!spent && clock.sleepers() == 1) {
        in_pause(++pauses);
        clock.advance(2s);
      }
    }
    if (failure) std::rethrow_exception(failure);
    return *spent;
  }

  test::Scene scene;
  test::FakeClock clock;
  std::unique_ptr<pg::Connection> connection;
  std::int64_t oid = 0;
  std::vector<pg::WantedLock> wanted;
  pg::LockSearch hooks;
  Attempt outcome = Attempt::ended;
  bool may_go_on = true;
  bool others_wait = false;
  int attempts = 0;
  std::vector<Duration> asked;
  std::vector<Duration> grown;
  std::vector<pg::Holder> waited_for;
};

/// Ends only when `admin`'s own clock says that the transaction of `holder` is older than `age`.
void let_age(Admin& admin, const std::string& application, const std::string& age) {
  const std::string young = "SELECT count(*) FROM pg_stat_activity WHERE application_name = '" +
                            application + "' AND clock_timestamp() - xact_start <= interval '" +
                            age + "'";
  while (admin.number(young) != 0) {
  }
}

}  // namespace

TEST_CASE("a lock that nobody holds is asked for at once") {
  Search search;
  const pg::LockSpent spent = search.run(50ms, 10min, [](int) { FAIL("paused"); });
  CHECK(search.attempts == 1);
  CHECK(spent.yields == 0);
  CHECK_FALSE(spent.gave_up);
}

TEST_CASE("behind an old reader the lock is not even asked for until the reader has ended") {
  Search search;
  Admin reader{search.scene.database.name()};
  reader.execute("SET application_name = 'report'; BEGIN");
  reader.execute("SELECT  count(*)\n FROM public.ledger");
  let_age(search.scene.database.admin(), "report", "50ms");
  const pg::LockSpent spent = search.run(50ms, 10min, [&](int pauses) {
    CHECK(search.attempts == 0);
    if (pauses == 3) reader.execute("COMMIT");
  });
  CHECK(search.attempts == 1);
  CHECK(spent.yields == 3);
  CHECK_FALSE(spent.gave_up);
  REQUIRE(search.waited_for.size() == 1);
  const std::string text = pg::holders_text(search.waited_for);
  CHECK(contains(text, "pid "));
  CHECK(contains(
      text, "application report) holds public.ledger, idle in transaction, its transaction is "));
  CHECK(contains(text, "query: SELECT count(*) FROM public.ledger"));
}

TEST_CASE("a young holder is waited for, since a short statement ends within lock_timeout") {
  Search search;
  Admin writer{search.scene.database.name()};
  writer.execute("BEGIN");
  writer.execute("INSERT INTO public.ledger VALUES (2)");
  const pg::LockSpent spent = search.run(1h, 10min, [](int) { FAIL("paused"); });
  CHECK(search.attempts == 1);
  CHECK(spent.yields == 0);
}

TEST_CASE("at the end of its patience it asks once whoever holds the lock, then names the holder") {
  Search search;
  Admin reader{search.scene.database.name()};
  reader.execute("SET application_name = 'report'; BEGIN");
  reader.execute("SELECT count(*) FROM public.ledger");
  let_age(search.scene.database.admin(), "report", "50ms");
  search.outcome = Attempt::no_lock;
  const pg::LockSpent spent = search.run(50ms, 9s, [&](int) { CHECK(search.attempts == 0); });
  CHECK(search.attempts == 1);
  CHECK(spent.attempts == 1);
  CHECK(spent.yields >= 4);  // 9 s in pauses of 2 s at most
  CHECK(spent.gave_up);
  REQUIRE(spent.holders.size() == 1);
  CHECK(spent.holders.front().application == "report");
}

TEST_CASE("without patience there is one attempt and no pause") {
  Search search;
  search.outcome = Attempt::no_lock;
  const pg::LockSpent spent = search.run(50ms, 0ms, [](int) { FAIL("paused"); });
  CHECK(search.attempts == 1);
  CHECK(spent.gave_up);
}

TEST_CASE("with time to spare it never asks behind an old reader, not even at the end") {
  Search search;
  Admin reader{search.scene.database.name()};
  reader.execute("SET application_name = 'report'; BEGIN");
  reader.execute("SELECT count(*) FROM public.ledger");
  let_age(search.scene.database.admin(), "report", "50ms");
  const pg::LockSpent spent = search.run({50ms, 9s, {}}, [](int) {});
  CHECK(search.attempts == 0);
  CHECK(spent.gave_up);
  CHECK(spent.holders.size() == 1);
}

TEST_CASE("with time to spare it still asks at the end when only young ones are in the way") {
  Search search;
  CHECK_FALSE(search.run({50ms, 0s, {}}, [](int) { FAIL("paused"); }).gave_up);
  CHECK(search.asked == std::vector<Duration>{50ms});
}

TEST_CASE("as it gets urgent it asks for longer and longer, but not for what cannot succeed") {
  Search search;
  search.outcome = Attempt::no_lock;
  const pg::LockEffort effort{50ms, 0s, {50ms, 250ms, 30s}};
  CHECK(search.run(effort, [](int) {}).attempts == 3);
  CHECK(search.asked == std::vector<Duration>{50ms, 250ms, 30s});
  CHECK(search.grown == std::vector<Duration>{250ms, 30s});
  Admin reader{search.scene.database.name()};
  reader.execute("SET application_name = 'report'; BEGIN");
  reader.execute("SELECT count(*) FROM public.ledger");
  let_age(search.scene.database.admin(), "report", "250ms");
  search.asked.clear();
  CHECK(search.run(effort, [](int) {}).attempts == 1);
  CHECK(search.asked == std::vector<Duration>{30s});
}

TEST_CASE("the longest attempt is not made again while he is there for whom it was in vain") {
  Search search;
  search.outcome = Attempt::no_lock;
  Admin reader{search.scene.database.name()};
  reader.execute("SET application_name = 'report'; BEGIN");
  reader.execute("SELECT count(*) FROM public.ledger");
  let_age(search.scene.database.admin(), "report", "100ms");
  pg::LockEffort effort{50ms, 0s, {50ms, 30s}};
  effort.in_vain_for = 100ms;
  const pg::LockSpent spared = search.run(effort, [](int) {});
  CHECK(spared.was_spared);
  CHECK(spared.gave_up);
  CHECK(search.asked.empty());
  effort.in_vain_for = 1h;  // he came later
  CHECK_FALSE(search.run(effort, [](int) {}).was_spared);
  CHECK(search.asked == std::vector<Duration>{30s});
}

TEST_CASE("patience is over as soon as others wait for the session") {
  Search search;
  Admin reader{search.scene.database.name()};
  reader.execute("SET application_name = 'report'; BEGIN");
  reader.execute("SELECT count(*) FROM public.ledger");
  let_age(search.scene.database.admin(), "report", "50ms");
  const pg::LockSpent spent = search.run({50ms, 10min, {}}, [&](int pauses) {
    if (pauses == 2) search.others_wait = true;
  });
  CHECK(spent.gave_up);
  CHECK(spent.yields == 3);
}

TEST_CASE("a holder whose age is hidden counts as old") {
  Search search;
  Admin reader{search.scene.database.name()};
  reader.execute("BEGIN; SELECT count(*) FROM public.ledger");
  // Our login sees its own sessions and, as a member of pg_monitor, those of others.
  search.scene.database.admin().execute("REVOKE pg_monitor FROM pgc_caretaker");
  const pg::LockSpent spent = search.run({1h, 0s, {}}, [](int) {});
  search.scene.database.admin().execute("GRANT pg_monitor TO pgc_caretaker");
  CHECK(spent.gave_up);
  CHECK(search.attempts == 0);
  CHECK(contains(pg::holders_text(spent.holders), "its age is hidden: grant our role pg_monitor"));
}

TEST_CASE("a foreign key's other end conflicts with writers, not with readers") {
  Search search;
  Admin other{search.scene.database.name()};
  other.execute("BEGIN; SELECT count(*) FROM public.ledger");
  CHECK(search.holders(LockMode::share_row_exclusive).empty());
  other.execute("INSERT INTO public.ledger VALUES (5)");
  CHECK(search.holders(LockMode::share_row_exclusive).size() == 1);
}

TEST_CASE("a stop is heard before it asks for longer") {
  Search search;
  search.outcome = Attempt::no_lock;
  search.may_go_on = false;
  CHECK(search.run({50ms, 0s, {50ms, 30s}}, [](int) {}).gave_up);
  CHECK(search.asked == std::vector<Duration>{50ms});
}

TEST_CASE("an attempt that met a newcomer is made again, and a stop ends the search in a pause") {
  Search search;
  search.outcome = Attempt::no_lock;
  const pg::LockSpent spent = search.run(50ms, 10min, [&](int pauses) {
    if (pauses == 3) search.may_go_on = false;
  });
  CHECK(search.attempts == 3);
  CHECK(spent.gave_up);
}

TEST_CASE("a prepared transaction is a holder, by its name") {
  Search search;
  Admin admin{search.scene.database.name()};
  admin.execute("BEGIN; INSERT INTO public.ledger VALUES (3); PREPARE TRANSACTION 'left behind'");
  const auto holders = search.holders(LockMode::access_exclusive);
  REQUIRE(holders.size() == 1);
  CHECK(holders.front().pid == 0);
  CHECK(contains(pg::holders_text(holders), "prepared transaction \"left behind\" (user "));
  CHECK(contains(pg::holders_text(holders), "holds public.ledger"));
  admin.execute("ROLLBACK PREPARED 'left behind'");
  CHECK(search.holders(LockMode::access_exclusive).empty());
}

TEST_CASE("readers and writers do not conflict with SHARE UPDATE EXCLUSIVE, maintenance does") {
  Search search;
  Admin other{search.scene.database.name()};
  other.execute("BEGIN");
  other.execute("INSERT INTO public.ledger SELECT count(*) FROM public.ledger");
  CHECK(search.holders(LockMode::share_update_exclusive).empty());
  CHECK(search.holders(LockMode::access_exclusive).size() == 2);
  other.execute("ROLLBACK; BEGIN; ANALYZE public.ledger");
  CHECK(search.holders(LockMode::share_update_exclusive).size() == 1);
}

TEST_CASE("who waits ahead for the same lock counts as well: a queue behind it would be as long") {
  Search search;
  Admin reader{search.scene.database.name()};
  reader.execute("BEGIN; SELECT FROM public.ledger");
  Admin& admin = search.scene.database.admin();
  std::thread waiter{[&] {
    Admin other{search.scene.database.name()};
    other.execute("SET application_name = 'waiter'; BEGIN; LOCK TABLE public.ledger; COMMIT");
  }};
  while (admin.number("SELECT count(*) FROM pg_locks WHERE NOT granted") == 0) {
  }
  const auto holders = search.holders(LockMode::share_update_exclusive);
  reader.execute("COMMIT");
  waiter.join();
  REQUIRE(holders.size() == 1);
  CHECK(holders.front().application == "waiter");
}

}  // namespace pgcaretaker
