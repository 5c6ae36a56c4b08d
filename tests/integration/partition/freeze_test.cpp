// SPDX-License-Identifier: Apache-2.0
// Freezing beside a standby, and interrupted at every await.
#include "afterwards_fixture.hpp"
#include "support/cancel_everywhere.hpp"
#include "support/standby.hpp"

using namespace pgcaretaker;
using namespace pgcaretaker::test;

TEST_CASE("a standby's queries hold the freeze back through their replication slot") {
  Kept kept;
  create_closed(kept.admin());
  const StandbySlot slot{"pgc_standby"};
  create_window(kept);
  const task::Plan waiting = kept.plan();
  CHECK(acts(waiting) == Words{"analyze public.events"});
  CHECK(contains(finding_of(waiting.findings, "freeze_held_back").text,
                 "replication slot \"pgc_standby\""));
  slot.drop();
  CHECK(results(kept.once()) == Words{"freeze done", "analyze done"});
}

TEST_CASE("a cancel at any await of a freeze leaves a session in order, or none") {
  Kept kept;
  Admin& admin = kept.admin();
  create_closed(admin);
  create_window(kept);
  config::Partition settings = tended_events();
  settings.analyze = false;
  const task::Plan plan = kept.plan(settings);
  REQUIRE(acts(plan) == Words{"freeze public.events_old"});
  const std::string frozen_until =
      "SELECT relfrozenxid FROM pg_class WHERE oid = 'public.events_old'::regclass";
  const std::string before = admin.value(frozen_until).value();
  admin.execute("SET allow_system_table_mods = on");
  const std::string usual = kept.session_settings();
  const task::Surroundings around = surroundings();
  partition::PartitionTask task{settings};
  bool is_done = false;
  const auto freeze = [&]() -> Awaitable<void> {
    const pg::Loan loan = co_await kept.pool.acquire();
    task::Applied applied;
    co_await task.apply(loan.connection(), plan.steps[0], around, applied);
    is_done = applied.kind == task::Applied::Kind::done;
  };
  int frozen = 0;
  const int rounds = cancel_everywhere(kept.loop, freeze, [&](const CancelledRound& round) {
    CAPTURE(round.step);
    CHECK(kept.session_settings() == usual);
    CHECK(admin.number("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE "
                       "'pgcaretaker%' AND state <> 'idle'") == 0);
    if (admin.value(frozen_until) != before) ++frozen;
    admin.execute("UPDATE pg_class SET relfrozenxid = '" + before +
                  "' WHERE oid = 'public.events_old'::regclass");
  });
  CHECK(rounds > 10);
  CHECK(frozen > 0);
  CHECK(is_done);
}
