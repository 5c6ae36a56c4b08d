// SPDX-License-Identifier: Apache-2.0
// Others at the same table: readers, lock holders, rivals, and a server that kills us halfway.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <csignal>
#include <set>
#include <thread>

#include "afterwards_fixture.hpp"
#include "postgres/transaction.hpp"

using namespace pgcaretaker;
using namespace pgcaretaker::test;
using namespace std::chrono_literals;
using task::Applied;

namespace {

/// Asks the server again and again until the keeper waits for a lock; then `other` does `act`.
std::thread when_waiting(const TestDatabase& database, Keeper& keeper, Admin& other,
                         const std::string& act) {
  const std::string pid = std::to_string(keeper.connection().backend_pid());
  return std::thread{[name = database.name(), pid, &other, act] {
    Admin watcher{name};
    const std::string waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pid = " + pid;
    while (watcher.number(waits) == 0) {
    }
    other.execute(act);
  }};
}

/// Ends the keeper's session once it waits for a lock.
std::thread killed_when_waiting(TestDatabase& database, Keeper& keeper) {
  const std::string pid = std::to_string(keeper.connection().backend_pid());
  return when_waiting(database, keeper, database.admin(),
                      "SELECT pg_terminate_backend(" + pid + ")");
}

}  // namespace

TEST_CASE("a partition that another made while the plan was asking is no clash of names") {
  TestDatabase database;
  create_events(database.admin());
  database.admin().execute(
      "CREATE TABLE public.days AS SELECT 60 AS days; GRANT SELECT ON public.days TO PUBLIC");
  config::Partition settings = short_lived_events();
  settings.retention_query = "SELECT days FROM public.days";
  Keeper keeper{database.options()};
  Admin maker{database.name()};
  maker.execute("BEGIN; LOCK TABLE public.days IN ACCESS EXCLUSIVE MODE");
  std::thread other =
      when_waiting(database, keeper, maker,
                   "CREATE TABLE public.events_y2026m11 PARTITION OF public.events "
                   "FOR VALUES FROM ('2026-11-01 00:00Z') TO ('2026-12-01 00:00Z'); COMMIT");
  const task::Plan plan = keeper.plan(settings, november);
  other.join();
  CHECK(codes(plan.findings) == Words{});
  CHECK(subjects(plan) == Words{"create public.events_y2026m12"});
}

TEST_CASE("a reader keeps a drop waiting no longer than lock_timeout, and nothing changes") {
  TestDatabase database;
  create_events(database.admin());
  Keeper keeper{database.options()};
  keeper.once(events(), january);
  create_default(database.admin());
  Admin reader{database.name()};
  reader.execute("BEGIN");
  reader.execute("SELECT count(*) FROM public.events");
  const task::Plan plan = keeper.plan(impatient(), november);
  const Applied applied = keeper.chain(impatient(), plan);
  CHECK(applied.kind == Applied::Kind::yielded);
  CHECK(codes(applied.findings) == Words{"lock_timeout"});
  CHECK(names(database.admin()).size() == 3);
  CHECK(keeper.connection().state() == pg::SessionState::ready);
  reader.execute("COMMIT");
  CHECK(keeper.chain(impatient(), plan).kind == Applied::Kind::done);
  CHECK(names(database.admin()).size() == 2);
}

TEST_CASE(
    "behind a long reader a patient drop keeps nobody waiting, and is done when it has ended") {
  TestDatabase database;
  create_events(database.admin());
  Keeper keeper{database.options()};
  keeper.once(events(), january);
  config::Partition settings = impatient();
  settings.patience = 10min;
  Admin reader{database.name()};
  reader.execute("BEGIN");
  reader.execute("SELECT count(*) FROM public.events");
  const task::Plan plan = keeper.plan(settings, november);
  const std::string age =
      "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in "
      "transaction' AND clock_timestamp() - xact_start > interval '50ms'";
  while (database.admin().number(age) == 0) {
  }
  long long waits = 0;
  std::thread onlooker{[&, pid = std::to_string(keeper.connection().backend_pid())] {
    Admin watcher{database.name()};
    const std::string of_keeper = " WHERE pid = " + pid;
    std::set<std::string> statements;
    while (statements.size() < 16) {
      statements.insert(
          watcher.value("SELECT query_start FROM pg_stat_activity" + of_keeper).value());
      waits += watcher.number("SELECT count(*) FROM pg_locks" + of_keeper + " AND NOT granted");
    }
    reader.execute("COMMIT");
  }};
  const Applied applied = keeper.chain(settings, plan);
  onlooker.join();
  CHECK(applied.kind == Applied::Kind::done);
  CHECK(waits == 0);
  CHECK(names(database.admin()).size() == 1);
  const auto yields =
      std::find_if(applied.samples.begin(), applied.samples.end(),
                   [](const telemetry::Sample& found) { return found.labels.back() == "yielded"; });
  REQUIRE(yields != applied.samples.end());
  CHECK(yields->value >= 2);
}

TEST_CASE("who reads a table that foreign keys point to is looked for as well") {
  TestDatabase database;
  Admin& admin = database.admin();
  admin.execute("CREATE TABLE public.zones (id bigint PRIMARY KEY)");
  create_events(admin);
  admin.execute(
      "ALTER TABLE public.zones OWNER TO pgc_owner;"
      "ALTER TABLE public.events ADD zone bigint REFERENCES public.zones");
  Keeper keeper{database.options()};
  keeper.once(events(), january);
  Admin reader{database.name()};
  reader.execute("SET application_name = 'zone report'; BEGIN");
  reader.execute("SELECT count(*) FROM public.zones");
  const task::Plan plan = keeper.plan(impatient(), november);
  const auto detach = std::find_if(plan.steps.begin(), plan.steps.end(),
                                   [](const task::Step& step) { return step.action == "detach"; });
  REQUIRE(detach != plan.steps.end());
  CHECK(contains(detach->lock, "public.zones"));
  const Applied applied = keeper.chain(impatient(), plan);
  REQUIRE(codes(applied.findings) == Words{"lock_timeout"});
  CHECK(contains(applied.findings[0].text, "application zone report) holds public.zones"));
}

TEST_CASE("a drop that ran out of patience names the session in its way") {
  TestDatabase database;
  create_events(database.admin());
  Keeper keeper{database.options()};
  keeper.once(events(), january);
  create_default(database.admin());
  Admin reader{database.name()};
  reader.execute("SET application_name = 'nightly report'; BEGIN");
  reader.execute("SELECT count(*) FROM public.events");
  const task::Plan plan = keeper.plan(impatient(), november);
  const Applied applied = keeper.chain(impatient(), plan);
  REQUIRE(codes(applied.findings) == Words{"lock_timeout"});
  CHECK(contains(applied.findings[0].text, "application nightly report) holds public.events"));
  CHECK(contains(applied.findings[0].text, "idle in transaction, its transaction is "));
}

TEST_CASE("a daemon that is killed while it waits for a lock lets go within seconds") {
  TestDatabase database;
  Admin& admin = database.admin();
  create_events(admin);
  Admin reader{database.name()};
  reader.execute("BEGIN; SELECT count(*) FROM public.events");
  const pid_t child = fork();
  if (child == 0) {
    // Without the destructors that would close the session in good order.
    Keeper keeper{database.options()};
    try {
      const pg::TransactionOptions patient{.lock_timeout = 1h, .statement_timeout = 1h};
      const std::function<Awaitable<void>()> body = [&]() -> Awaitable<void> {
        co_await keeper.connection().query("wait", "LOCK TABLE public.events");
      };
      run(keeper.loop(), pg::transact(keeper.connection(), patient, body));
    } catch (...) {
    }
    _exit(1);
  }
  const std::string waits = "SELECT count(*) FROM pg_locks WHERE NOT granted";
  while (admin.number(waits) == 0) {
  }
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  const auto since = std::chrono::steady_clock::now();
  while (admin.number(waits) != 0) {
  }
  CHECK(std::chrono::steady_clock::now() - since < 5s);
}

TEST_CASE("with time to spare a partition is not forced behind a reader of the default") {
  TestDatabase database;
  Admin& admin = database.admin();
  create_events(admin);
  Keeper keeper{database.options()};
  keeper.once(events(), november);
  create_default(admin);
  config::Partition settings = impatient();
  settings.ahead = 2;
  settings.force_timeout = 10s;
  const task::Plan plan = keeper.plan(settings, november);
  REQUIRE(plan.steps.size() == 1);
  CHECK(plan.steps[0].urgency == "relaxed");
  Admin reader{database.name()};
  reader.execute("BEGIN");
  reader.execute("SELECT count(*) FROM public.events");
  while (admin.number("SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction' "
                      "AND clock_timestamp() - xact_start > interval '50ms'") == 0) {
  }
  const Applied applied = keeper.apply(settings, plan.steps[0]);
  CHECK(applied.kind == Applied::Kind::yielded);
  REQUIRE(codes(applied.findings) == Words{"lock_timeout"});
  CHECK(applied.findings[0].severity == task::Severity::info);
  CHECK(contains(applied.findings[0].text, "was not asked for"));
  CHECK(applied.can_wait);
  CHECK(names(admin).size() == 3);
}

TEST_CASE("with the default locked, the other end of a foreign key is not waited for long") {
  TestDatabase database;
  Admin& admin = database.admin();
  create_events(admin);
  create_default(admin);
  admin.execute(
      "CREATE TABLE public.zones (id bigint PRIMARY KEY);"
      "ALTER TABLE public.zones OWNER TO pgc_owner;"
      "ALTER TABLE public.events ADD zone bigint REFERENCES public.zones");
  config::Partition settings = events();
  settings.lock_timeout = 20s;
  Keeper keeper{database.options()};
  const task::Plan plan = keeper.plan(settings, november);
  Admin writer{database.name()};
  writer.execute("BEGIN; INSERT INTO public.zones VALUES (1)");
  const auto start = std::chrono::steady_clock::now();
  CHECK(keeper.apply(settings, plan.steps.at(0)).kind == Applied::Kind::yielded);
  CHECK(std::chrono::steady_clock::now() - start < 10s);
  // Whoever wants the default now finds it free.
  admin.execute("SET lock_timeout = '1s'; INSERT INTO public.events VALUES (1, '2026-12-24', '')");
  writer.execute("COMMIT");
}

TEST_CASE("nobody who waits for us is ended for a deadlock, however long we may wait") {
  Kept kept;
  TestDatabase& database = kept.database;
  Admin& admin = database.admin();
  create_events(admin);
  admin.execute(
      "CREATE TABLE public.zones (id bigint PRIMARY KEY);"
      "ALTER TABLE public.zones OWNER TO pgc_owner;"
      "ALTER TABLE public.events ADD zone bigint REFERENCES public.zones");
  {
    Keeper keeper{database.options()};
    keeper.once(events(), at("2026-01-15"));
    keeper.once(events(), november);
  }
  create_default(admin);
  config::Partition settings = events();
  SUBCASE("a detach") {
    settings = short_lived_events();
  }
  SUBCASE("a drain") {
    admin.execute("INSERT INTO public.events VALUES (1, '2026-10-15')");
  }
  settings.lock_timeout = 20s;
  Admin writer{database.name()};
  writer.execute("BEGIN; INSERT INTO public.zones VALUES (1)");
  std::thread writing{[&] {
    // Who has waited for more than a second has looked for a deadlock already: the next one to wait
    // is the one who is ended for it.
    const std::string waits =
        "EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = 'public.zones'::regclass";
    until(database.name(), waits + ")");
    until(database.name(),
          "NOT " + waits + " AND waitstart > clock_timestamp() - interval '1.2 s')");
    CHECK_NOTHROW(writer.execute("INSERT INTO public.events VALUES (2, '2026-11-24', '')"));
    writer.execute("COMMIT");
  }};
  partition::PartitionTask task{settings};
  task::PassOptions options;
  options.as_of = november;
  const task::Report report = run(kept.loop, task::run_pass(task, kept.pool, kept.clock, options));
  writing.join();
  REQUIRE_FALSE(report.acts.empty());
  CHECK(report.acts.front().result == "yielded");
}

TEST_CASE("readers and writers do not keep a partition from being created") {
  TestDatabase database;
  create_events(database.admin());
  Keeper keeper{database.options()};
  keeper.once(events(), november);
  Admin writer{database.name()};
  writer.execute("BEGIN");
  writer.execute("INSERT INTO public.events (id, at) VALUES (1, '2026-11-24')");
  writer.execute("SELECT count(*) FROM public.events");
  config::Partition settings = impatient();
  settings.ahead = 3;
  const auto applied = keeper.once(settings, november);
  REQUIRE(applied.size() == 2);
  CHECK(applied[0].kind == Applied::Kind::done);
  CHECK(applied[1].kind == Applied::Kind::done);
  writer.execute("COMMIT");
}

TEST_CASE("observing waits for nobody: exclusive locks leave a plan and a degraded answer") {
  TestDatabase database;
  Admin& admin = database.admin();
  create_events(admin);
  Keeper keeper{database.options()};
  keeper.once(events(), november);
  create_default(admin);
  Admin holder{database.name()};
  holder.execute("BEGIN");
  holder.execute(
      "LOCK TABLE public.events, public.events_y2026m11, public.events_default IN ACCESS EXCLUSIVE "
      "MODE");
  const task::Plan plan = keeper.plan(impatient(), november);
  CHECK(subjects(plan) == Words{});
  CHECK(plan.details.json()["partitions"].size() == 2);
  REQUIRE(codes(plan.findings) == Words{"default_unreadable"});
  CHECK(contains(plan.findings[0].text, "lock timeout"));
}

TEST_CASE("a race that another session won is a value, whoever gets name or range first") {
  TestDatabase database;
  create_events(database.admin());
  Keeper keeper{database.options()};
  const task::Plan plan = keeper.plan(events(), november);
  const task::Step& create = plan.steps.at(1);
  std::string winner;
  SUBCASE("the same partition") {
    winner =
        "CREATE TABLE public.events_y2026m12 PARTITION OF public.events FOR VALUES FROM "
        "('2026-12-01') TO ('2027-01-01')";
  }
  SUBCASE("the same name, attached to nothing") {
    winner = "CREATE TABLE public.events_y2026m12 ()";
  }
  SUBCASE("the same range under another name") {
    winner =
        "CREATE TABLE public.mine PARTITION OF public.events FOR VALUES FROM ('2026-12-24') TO "
        "('2027-01-01')";
  }
  database.admin().execute(winner);
  const Applied applied = keeper.apply(events(), create);
  CHECK(applied.kind == Applied::Kind::yielded);
  CHECK(codes(applied.findings) == Words{"changed_meanwhile"});
  CHECK(database.admin().number("SELECT count(*) FROM pg_class WHERE relkind = 'r' AND "
                                "relnamespace = 'public'::regnamespace") == 1);
}

TEST_CASE("a rival that is just creating the same name is waited for no longer than lock_timeout") {
  TestDatabase database;
  create_events(database.admin());
  Keeper keeper{database.options()};
  const task::Plan plan = keeper.plan(impatient(), november);
  Admin rival{database.name()};
  rival.execute("BEGIN");
  rival.execute("CREATE TABLE public.events_y2026m12 ()");
  const Applied waited = keeper.apply(impatient(), plan.steps.at(1));
  CHECK(waited.kind == Applied::Kind::yielded);
  CHECK(codes(waited.findings) == Words{"lock_timeout"});
}

TEST_CASE("a session killed between CREATE and ATTACH leaves no table behind") {
  TestDatabase database;
  create_events(database.admin());
  Keeper keeper{database.options()};
  const task::Plan plan = keeper.plan(events(), november);
  Admin holder{database.name()};
  holder.execute("BEGIN");
  holder.execute("LOCK TABLE public.events IN SHARE UPDATE EXCLUSIVE MODE");
  std::thread killer = killed_when_waiting(database, keeper);
  CHECK_THROWS_AS(keeper.apply(events(), plan.steps[0]), pg::Error);
  killer.join();
  CHECK(keeper.connection().state() == pg::SessionState::closed);
  holder.execute("ROLLBACK");
  CHECK_FALSE(database.admin().value("SELECT to_regclass('public.events_y2026m11')").has_value());
  Keeper next{database.options()};
  next.once(events(), november);
  CHECK(names(database.admin()).size() == 2);
}

TEST_CASE(
    "a session killed between the locks of a drop leaves the partition attached, rows and all") {
  TestDatabase database;
  create_events(database.admin());
  Keeper keeper{database.options()};
  keeper.once(events(), january);
  create_default(database.admin());
  database.admin().execute("INSERT INTO public.events (id, at) VALUES (1, '2026-01-31')");
  const task::Plan plan = keeper.plan(short_lived_events(), november);
  REQUIRE(plan.steps.at(2).action == "detach");
  REQUIRE(plan.steps.at(2).subject == "public.events_y2026m01");
  Admin holder{database.name()};
  holder.execute("BEGIN");
  holder.execute("LOCK TABLE ONLY public.events_y2026m01 IN ACCESS SHARE MODE");
  std::thread killer = killed_when_waiting(database, keeper);
  CHECK_THROWS_AS(keeper.apply(short_lived_events(), plan.steps[2]), pg::Error);
  killer.join();
  holder.execute("ROLLBACK");
  CHECK(names(database.admin()) == Words{"events_default", "events_y2026m01", "events_y2026m02"});
  CHECK(database.admin().number("SELECT count(*) FROM public.events") == 1);
}

TEST_CASE("a step cancelled while it waits is rolled back and the session stays usable") {
  TestDatabase database;
  create_events(database.admin());
  Keeper keeper{database.options()};
  const task::Plan plan = keeper.plan(events(), november);
  Admin holder{database.name()};
  holder.execute("BEGIN");
  holder.execute("LOCK TABLE public.events IN SHARE UPDATE EXCLUSIVE MODE");

  partition::PartitionTask task{events()};
  asio::cancellation_signal stop;
  std::exception_ptr thrown;
  Applied applied;
  const auto ended = [&](std::exception_ptr error) { thrown = error; };
  asio::co_spawn(keeper.loop(),
                 task.apply(keeper.connection(), plan.steps[0], surroundings(), applied),
                 asio::bind_cancellation_slot(stop.slot(), ended));
  Admin watcher{database.name()};
  const std::string waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pid = " +
                            std::to_string(keeper.connection().backend_pid());
  keeper.loop().restart();
  while (watcher.number(waits) == 0) {
    keeper.loop().poll();
  }
  stop.emit(asio::cancellation_type::terminal);
  keeper.loop().run();
  CHECK(thrown != nullptr);
  CHECK(keeper.connection().state() == pg::SessionState::ready);
  holder.execute("ROLLBACK");
  CHECK(names(database.admin()) == Words{});
  CHECK_FALSE(database.admin().value("SELECT to_regclass('public.events_y2026m11')").has_value());
}

TEST_CASE("an interrupted concurrent detach is reported and its range left alone") {
  TestDatabase database;
  create_events(database.admin());
  Keeper keeper{database.options()};
  keeper.once(events(), november);
  Admin reader{database.name()};
  reader.execute("BEGIN");
  reader.execute("SELECT count(*) FROM public.events");
  Admin detacher{database.name()};
  detacher.execute("SET lock_timeout = '50ms'");
  CHECK_THROWS(detacher.execute(
      "ALTER TABLE public.events DETACH PARTITION public.events_y2026m12 CONCURRENTLY"));
  const task::Plan plan = keeper.plan(events(), november);
  CHECK(subjects(plan) == Words{});
  REQUIRE(codes(plan.findings) == Words{"detach_pending"});
  CHECK(
      contains(plan.findings[0].text, "DETACH PARTITION \"public\".\"events_y2026m12\" FINALIZE"));
  CHECK(sample(plan, telemetry::Metric::partition_window_seconds) == 8 * 86400);
}
