// SPDX-License-Identifier: Apache-2.0
// Readers that overlap without a gap: with time to spare nobody is made to wait for us, and as the
// window ends they are stood up to once, for all partitions, which is said. And who they are.
#include <algorithm>
#include <atomic>
#include <thread>

#include "afterwards_fixture.hpp"
#include "partition_fixture.hpp"
#include "support/stderr.hpp"

using namespace pgcaretaker;
using namespace pgcaretaker::test;
using namespace std::chrono_literals;
using task::Applied;

namespace {

constexpr const char* read_events = "BEGIN; SELECT count(*) FROM public.events";

/// What lock_attempts_total counts as `outcome`.
double attempts(const Applied& applied, const std::string& outcome) {
  double count = 0;
  for (const telemetry::Sample& found : applied.samples) {
    const bool is_attempt = found.metric == telemetry::Metric::lock_attempts_total;
    if (is_attempt && found.labels.back() == outcome) count += found.value;
  }
  return count;
}

/// Two readers of 0.6 s on threads of their own, each beginning while the other one reads.
class Readers {
 public:
  explicit Readers(const std::string& dbname)
      : one_{[this, dbname] { read(dbname, "0"); }}, other_{[this, dbname] {
          read(dbname, "0.3");
        }} {
    while (reading_ < 2) {
    }
  }
  ~Readers() {
    stop_ = true;
    one_.join();
    other_.join();
  }
  Readers(const Readers&) = delete;

 private:
  void read(const std::string& dbname, const std::string& first) {
    Admin reader{dbname};
    reader.execute("SELECT pg_sleep(" + first + ")");
    while (!stop_) {
      reader.execute(read_events);
      ++reading_;
      reader.execute("SELECT pg_sleep(0.6); COMMIT");
    }
  }

  std::atomic<bool> stop_ = false;
  std::atomic<int> reading_ = 0;
  std::thread one_;
  std::thread other_;
};

/// Two readers in turn on one thread: at every moment one has been reading for 0.2 s at least.
class Relay {
 public:
  explicit Relay(const std::string& dbname) : one_{dbname}, other_{dbname} {
    one_.execute(read_events);
    one_.execute("SELECT pg_sleep(0.2)");
    thread_ = std::thread{[this] {
      while (!stop_) {
        hand_over(one_, other_);
        hand_over(other_, one_);
      }
    }};
  }
  ~Relay() {
    stop_ = true;
    thread_.join();
  }
  Relay(const Relay&) = delete;

 private:
  static void hand_over(Admin& from, Admin& to) {
    to.execute(read_events);
    to.execute("SELECT pg_sleep(0.2)");
    from.execute("COMMIT");
  }

  Admin one_;
  Admin other_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

}  // namespace

TEST_CASE("as the window ends, readers without a gap are stood up to once, for all partitions") {
  TestDatabase database;
  Admin& admin = database.admin();
  create_events(admin);
  create_default(admin);
  const Readers readers{database.name()};
  Keeper keeper{database.options()};
  config::Partition settings = impatient();
  settings.ahead = 3;
  settings.force_timeout = 10s;
  std::string log;
  std::vector<Applied> applied;
  const auto start = std::chrono::steady_clock::now();
  {
    const Stderr written;
    applied = keeper.once(settings, november);
    log = written.text();
  }
  CHECK(std::chrono::steady_clock::now() - start < 10s);
  REQUIRE(applied.size() == 1);
  CHECK(applied[0].kind == Applied::Kind::done);
  CHECK(names(admin) == Words{"events_default", "events_y2026m11", "events_y2026m12",
                              "events_y2027m01", "events_y2027m02"});
  CHECK(attempts(applied[0], "granted") == 1);
  CHECK(attempts(applied[0], "timeout") <= 2);  // 50 ms and 250 ms, where they were worth a try
  CHECK_MESSAGE(contains(log,
                         "is urgent: it asks for its lock for up to 10s now, whoever is in "
                         "the way"),
                log);
  CHECK(contains(log, "create public.events_y2026m11, public.events_y2026m12"));
}

TEST_CASE("as the window ends, rows in its way are rescued whoever reads") {
  Kept kept;
  Admin& admin = kept.admin();
  create_events(admin);
  create_default(admin);
  admin.execute("INSERT INTO public.events SELECT g, '2026-11-05' FROM generate_series(1, 9) g");
  config::Partition settings = impatient();
  settings.ahead = 0;
  settings.force_timeout = 10s;
  std::string action;
  SUBCASE("by a drain") {
    action = "drain done";
  }
  SUBCASE("by an adoption") {
    settings.default_partition = config::DefaultPartition::adopt;
    action = "adopt done";
  }
  const Readers readers{kept.database.name()};
  partition::PartitionTask task{settings};
  task::PassOptions options;
  options.as_of = november;
  const task::Report report = run(kept.loop, task::run_pass(task, kept.pool, kept.clock, options));
  REQUIRE(report.acts.size() == 1);
  CHECK(report.acts[0].action + " " + report.acts[0].result == action);
  CHECK(admin.number("SELECT count(*) FROM public.events_y2026m11") == 9);
}

TEST_CASE("with time to spare, readers without a gap are never made to wait") {
  TestDatabase database;
  Admin& admin = database.admin();
  create_events(admin);
  Keeper keeper{database.options()};
  keeper.once(events(), november);
  create_default(admin);
  config::Partition settings = impatient();
  settings.ahead = 3;
  settings.force_timeout = 10s;
  settings.patience = 2s;
  const task::Plan plan = keeper.plan(settings, november);
  REQUIRE(plan.steps.size() == 2);
  const Relay readers{database.name()};
  std::atomic<bool> has_ended = false;
  long long waits = 0;
  std::thread onlooker{[&, pid = std::to_string(keeper.connection().backend_pid())] {
    Admin watcher{database.name()};
    while (!has_ended) {
      waits += watcher.number("SELECT count(*) FROM pg_locks WHERE NOT granted AND pid = " + pid);
    }
  }};
  std::string log;
  Applied applied;
  const auto start = std::chrono::steady_clock::now();
  {
    const Stderr written;
    applied = keeper.apply(settings, plan.steps[0]);
    log = written.text();
  }
  has_ended = true;
  onlooker.join();
  CHECK(std::chrono::steady_clock::now() - start < 10s);
  CHECK(applied.kind == Applied::Kind::yielded);
  REQUIRE(codes(applied.findings) == Words{"lock_timeout"});
  CHECK(applied.findings[0].severity == task::Severity::info);
  CHECK(attempts(applied, "timeout") == 0);
  CHECK(attempts(applied, "yielded") >= 2);
  CHECK(waits == 0);
  CHECK_FALSE(contains(log, "is urgent"));
  CHECK(names(admin).size() == 3);
}

TEST_CASE("the query of who is in the way is told, as far as 120 characters go") {
  TestDatabase database;
  create_events(database.admin());
  Keeper keeper{database.options()};
  keeper.once(events(), january);
  create_default(database.admin());
  Admin reader{database.name()};
  reader.execute("BEGIN");
  reader.execute("SELECT count(*) FROM public.events");
  const auto umlauts = [](int count) {
    std::string text;
    for (int i = 0; i < count; ++i)
      text += "ä";
    return text;
  };
  reader.execute("SELECT 1,\n\t  '" + umlauts(200) + "'");
  const task::Plan plan = keeper.plan(impatient(), november);
  const Applied applied = keeper.chain(impatient(), plan);
  REQUIRE(codes(applied.findings) == Words{"lock_timeout"});
  // Characters, not bytes, and on one line.
  CHECK_MESSAGE(contains(applied.findings[0].text,
                         ", query: SELECT 1, '" + umlauts(120 - 11) + "; the next pass"),
                applied.findings[0].text);
}
