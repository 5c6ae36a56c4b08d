// SPDX-License-Identifier: Apache-2.0
// The server's clock jumps between two passes: nothing is retired until a person has looked, and
// partitions are created all the same.
#include "afterwards_fixture.hpp"

using namespace pgcaretaker;
using namespace pgcaretaker::test;

namespace {

/// Ours, which nobody can set, has gone on by so much more than the server's.
class ShiftedClock final : public async::Clock {
 public:
  [[nodiscard]] SteadyTime now() const override { return real_.now() + shift; }
  [[nodiscard]] UtcTime utc_now() const override { return real_.utc_now(); }
  Awaitable<void> sleep_until(SteadyTime when) override { return real_.sleep_until(when - shift); }

  Duration shift{0};

 private:
  async::RealClock real_;
};

struct Jumpy : Kept {
  Jumpy() {
    create_events(admin());
    admin().execute("SET timezone = 'UTC'");
    pass();
  }

  task::Report pass() { return run(loop, task::run_pass(*task, pool, clock, {})); }

  /// One partition of long ago, and one less of the window.
  void arrange() {
    admin().execute(
        "CREATE TABLE public.events_y2020m01 PARTITION OF public.events FOR VALUES FROM "
        "('2020-01-01') TO ('2020-02-01'); ALTER TABLE public.events_y2020m01 OWNER TO pgc_owner;"
        "DO $$ BEGIN EXECUTE 'DROP TABLE public.' || (SELECT max(relname) FROM pg_class JOIN "
        "pg_inherits ON inhrelid = pg_class.oid WHERE inhparent = 'public.events'::regclass); "
        "END $$");
  }
  [[nodiscard]] bool is_old_there() {
    return admin().value("SELECT to_regclass('public.events_y2020m01')").has_value();
  }
  [[nodiscard]] bool is_window_whole() { return names(admin()).size() == (is_old_there() ? 3 : 2); }

  void check_retires() {
    arrange();
    const task::Report report = pass();
    CHECK(report.outcome == task::Outcome::success);
    CHECK(codes(report.findings) == Words{});
    CHECK_FALSE(is_old_there());
    CHECK(is_window_whole());
  }
  void check_withholds(bool is_new) {
    const task::Report report = pass();
    CHECK(report.outcome == task::Outcome::needs_person);
    REQUIRE(codes(report.findings) == Words{"clock_jumped"});
    CHECK(report.findings[0].severity == task::Severity::critical);
    CHECK(contains(report.findings[0].text, "the server's clock went back by"));
    CHECK(is_old_there());
    CHECK(is_window_whole());
    if (is_new) CHECK(report.acts.size() == 1);
  }

  static config::Partition short_lived(Duration grace = Duration{0}) {
    config::Partition settings = short_lived_events();
    settings.grace = grace;
    return settings;
  }

  ShiftedClock clock;
  std::unique_ptr<partition::PartitionTask> task =
      std::make_unique<partition::PartitionTask>(short_lived());
};

}  // namespace

TEST_CASE_FIXTURE(Jumpy, "a jump of more than an interval stops retirement until a person looks") {
  clock.shift += std::chrono::days{27};  // no month is as short
  check_retires();
  arrange();
  clock.shift += std::chrono::days{32};
  check_withholds(true);
  check_withholds(false);  // it does not pass by itself
  task->clock_watch().person_looked();
  CHECK(pass().outcome == task::Outcome::success);
  CHECK_FALSE(is_old_there());
}

TEST_CASE_FIXTURE(Jumpy, "a grace shorter than the interval is what a jump may have at most") {
  task = std::make_unique<partition::PartitionTask>(short_lived(std::chrono::hours{2}));
  pass();
  arrange();
  clock.shift += std::chrono::hours{1};
  // Within its grace it is detached, no more.
  const task::Report report = pass();
  CHECK(report.outcome == task::Outcome::success);
  CHECK(names(admin()).size() == 2);
  CHECK(is_old_there());
  admin().execute("DROP TABLE public.events_y2020m01");
  arrange();
  clock.shift += std::chrono::hours{3};
  check_withholds(true);
  task->clock_watch().person_looked();
  CHECK(pass().outcome == task::Outcome::success);
  CHECK(names(admin()).size() == 2);
}
