// SPDX-License-Identifier: Apache-2.0
// expire = "archive" on a real server and a real disk: nothing is dropped that is not on the disk.
#include <filesystem>
#include <fstream>

#include "archive/restore.hpp"
#include "archive/store.hpp"
#include "partition/archive_apply.hpp"
#include "partition/restored_catalog.hpp"
#include "partition_fixture.hpp"
#include "support/cancel_everywhere.hpp"
#include "support/journal.hpp"
#include "support/process.hpp"

using namespace pgcaretaker;
using namespace pgcaretaker::test;
using task::Applied;
using task::Severity;

namespace {

/// public.events with one month to retire and two of the window, and a place for archives.
struct Scene {
  Scene() {
    create_events(admin);
    config::Partition old = settings;
    old.retention.reset();
    old.expire = config::Expire::unset;
    old.ahead = 0;
    keeper.once(old, at("2026-01-15"));
    keeper.once(old, november);
    admin.execute(
        "INSERT INTO public.events SELECT g, '2026-01-05', 'January' FROM "
        "generate_series(1, 300) AS g; INSERT INTO public.events VALUES (1, "
        "'2026-11-05', 'November')");
    open(directory.path("archive"));
  }

  /// The archive directory from now on.
  void open(const std::string& path) {
    std::filesystem::create_directory(path);
    use(path);
  }
  void use(const std::string& path) { place->settings.directory = path; }

  static config::Partition archived_months() {
    config::Partition settings = short_lived_events();
    settings.ahead = 0;
    settings.expire = config::Expire::archive;
    return settings;
  }

  task::Plan plan() { return keeper.plan(settings, november); }

  /// Applies steps up to the one with this action.
  void go_up_to(const std::string& action) {
    for (const task::Step& step : plan().steps) {
      REQUIRE(keeper.apply(settings, step).kind == Applied::Kind::done);
      if (step.action == action) return;
    }
    FAIL("no step ", action);
  }

  std::vector<archive::Stored> archives() const { return archive::list(place->settings.directory); }
  std::int64_t archived_rows() const { return archives().back().manifest.value().rows; }

  archive::RestoreRequest first_archive() const {
    archive::RestoreRequest request;
    request.folder = archives()[0].folder;
    request.manifest = archives()[0].manifest.value();
    return request;
  }
  archive::Restored restore(const archive::RestoreRequest& request) {
    pg::SideThread thread{std::chrono::seconds{5}};
    async::RealClock clock;
    const archive::Workshop workshop{place->settings, "1.2.3", thread, clock};
    return run(keeper.loop(), archive::restore(keeper.connection(), request, workshop));
  }

  bool is_there() {
    return admin.value("SELECT to_regclass('public.events_y2026m01')").has_value();
  }

  TestDatabase database;
  Admin& admin = database.admin();
  TemporaryDirectory directory;
  std::shared_ptr<archive::Workplace> place = std::make_shared<archive::Workplace>();
  Keeper keeper{database.options(), place};
  config::Partition settings = archived_months();
};

}  // namespace

TEST_CASE_FIXTURE(Scene, "an expired partition is detached, archived and dropped in one pass") {
  std::vector<double> ratios;
  keeper.around.progress = [&](const task::StepProgress& seen) { ratios.push_back(seen.ratio); };
  const task::Plan planned = plan();
  CHECK(acts(planned) == Words{"mark public.events_y2026m01", "detach public.events_y2026m01",
                               "guard public.events_y2026m01", "archive public.events_y2026m01",
                               "drop public.events_y2026m01"});
  const Applied last = keeper.chain(settings, planned);
  CHECK(last.kind == Applied::Kind::done);
  CHECK_FALSE(is_there());
  CHECK(admin.column("SELECT note FROM public.events") == Words{"November"});
  CHECK(subjects(plan()) == Words{});
  CHECK(codes(plan().findings) == Words{});
  const auto stored = archives();
  REQUIRE(stored.size() == 1);
  const archive::Manifest& manifest = stored[0].manifest.value();
  CHECK(manifest.rows == 300);
  CHECK(manifest.parent->text() == "public.events");
  CHECK(contains(manifest.bounds, "FROM ('2026-01-01"));
  CHECK_FALSE(manifest.plan_id.empty());
  CHECK(changes(last) == Words{"detached", "archived", "dropped"});
  REQUIRE_FALSE(ratios.empty());
  CHECK(*std::ranges::max_element(ratios) == 1);
  CHECK(ratios.back() == 0);
}

TEST_CASE_FIXTURE(Scene, "the journal tells the rows that its archive has") {
  load_journal(database);
  const config::Journal journal{config::TableName{"pgcaretaker", "journal"}};
  partition::PartitionTask task{settings, journal, place};
  const task::Plan planned = run(keeper.loop(), task.plan(keeper.connection(), november));
  CHECK(keeper.chain(settings, planned).kind == Applied::Kind::done);
  CHECK(admin.column("SELECT concat_ws(' ', action, rows) FROM pgcaretaker.journal ORDER BY id") ==
        Words{"detach", "archive 300", "drop 300"});
}

TEST_CASE_FIXTURE(Scene, "a partition comes back attached, with all its rows, as others are") {
  admin.execute(
      "CREATE TABLE public.before AS SELECT * FROM public.events;"
      "ALTER TABLE public.events ALTER note SET STATISTICS 7, REPLICA IDENTITY FULL;"
      "CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS "
      "'BEGIN RAISE EXCEPTION ''append only''; END';"
      "CREATE TRIGGER shut BEFORE TRUNCATE ON public.events EXECUTE FUNCTION public.refuse();"
      "CREATE TRIGGER told AFTER INSERT ON public.events EXECUTE FUNCTION public.refuse()");
  keeper.once(settings, november);
  archive::RestoreRequest request = first_archive();
  request.as = request.manifest.table;
  request.attach = true;
  auto likeness = run(keeper.loop(),
                      partition::likeness_of_restored(keeper.connection(), settings, request.as));
  request.before_attach = likeness.before_attach;
  request.after_attach = likeness.after_attach;
  const auto back = restore(request);
  CHECK(back.rows == 300);
  CHECK(back.differences == Words{});
  CHECK(admin.number("SELECT count(*) FROM (TABLE public.before EXCEPT ALL TABLE public.events) "
                     "AS lost") == 0);
  CHECK(admin.number("SELECT count(*) FROM public.events") == 301);
  CHECK(admin.value("SELECT concat_ws(' ', relowner::regrole, relrowsecurity, relforcerowsecurity, "
                    "relreplident, (SELECT string_agg(tgname, ' ' ORDER BY tgname) FROM pg_trigger "
                    "WHERE tgrelid = c.oid), (SELECT attstattarget FROM pg_attribute WHERE "
                    "attrelid = c.oid AND attname = 'note')) FROM pg_class AS c WHERE oid = '" +
                    request.as.text() + "'::regclass") == "pgc_owner t t f shut told 7");
  // What is left out is told.
  admin.execute("DROP TABLE " + request.as.sql());
  request.before_attach.clear();
  const auto bare = restore(request);
  CHECK(bare.differences == Words{"another replica identity", "other statistics targets",
                                  "a statement trigger is missing or another"});
}

TEST_CASE_FIXTURE(Scene, "what a restored partition would not outlive is known before") {
  const auto expires = [&] {
    return run(keeper.loop(),
               partition::expires_at_once(
                   keeper.connection(), settings, {"public", "back"},
                   "FOR VALUES FROM ('2024-01-01 00:00:00+00') TO ('2024-02-01 00:00:00+00')"));
  };
  CHECK(expires());
  settings.hold_query = "SELECT $1 = '2024-01-01 00:00+00'";
  CHECK_FALSE(expires());
  settings.hold_query = "SELECT $1 > '2024-01-01 00:00+00'";
  CHECK(expires());
  settings.retention = std::chrono::days{36500};
  CHECK_FALSE(expires());
  settings.retention_query = "SELECT 30";
  CHECK(expires());
  settings.expire = config::Expire::unset;
  CHECK_FALSE(expires());
}

TEST_CASE_FIXTURE(Scene,
                  "a cancel at any await of archive or drop loses no row, and ends in no knot") {
  admin.execute("CREATE TABLE public.before AS SELECT * FROM public.events_y2026m01");
  go_up_to("guard");
  partition::PartitionTask task{settings, {std::nullopt}, place};
  // One round does what is left of archive and drop, as the next pass would.
  const auto go_on = [&]() -> Awaitable<void> {
    const task::Plan plan = co_await task.plan(keeper.connection(), november);
    for (const task::Step& step : plan.steps) {
      task::Applied applied;
      co_await task.apply(keeper.connection(), step, keeper.around, applied);
      if (applied.kind != Applied::Kind::done) co_return;
    }
  };
  int dropped = 0;
  const auto check = [&](const CancelledRound& round) {
    CAPTURE(round.step);
    REQUIRE(keeper.connection().state() == pg::SessionState::ready);
    const auto stored = archives();
    for (const archive::Stored& each : stored) {
      REQUIRE(each.manifest.has_value());
      CHECK(each.manifest->rows == 300);
    }
    REQUIRE((is_there() || stored.size() == 1));
    if (is_there()) return;
    ++dropped;
  };
  const int rounds = cancel_everywhere(keeper.loop(), go_on, check);
  CHECK(rounds > 10);
  CHECK(dropped > 0);
  archive::RestoreRequest request = first_archive();
  request.as = {"public", "back"};
  CHECK(restore(request).rows == 300);
  CHECK(admin.number("SELECT count(*) FROM (TABLE public.before EXCEPT ALL TABLE public.back) AS "
                     "lost") == 0);
}

TEST_CASE_FIXTURE(Scene, "row-level security that a killed archiver left lifted is forced again") {
  go_up_to("guard");
  SUBCASE("before the archive is known") {}
  SUBCASE("when it is archived") {
    go_up_to("archive");
  }
  SUBCASE("when a hold keeps the table by now") {
    settings.hold_query = "SELECT true";
  }
  const Words before = acts(plan());
  admin.execute("ALTER TABLE public.events_y2026m01 NO FORCE ROW LEVEL SECURITY");
  const task::Plan planned = plan();
  Words wanted = before;
  wanted.insert(wanted.begin(), "guard public.events_y2026m01");
  REQUIRE(acts(planned) == wanted);
  const Applied applied = keeper.apply(settings, planned.steps.front());
  CHECK(applied.kind == Applied::Kind::done);
  CHECK(changes(applied) == Words{});
  CHECK(admin.value("SELECT relforcerowsecurity FROM pg_class WHERE relname = "
                    "'events_y2026m01'") == "t");
  CHECK(acts(plan()) == before);
  // Who does not want it, or reads his table for himself, is let be.
  admin.execute("ALTER TABLE public.events_y2026m01 NO FORCE ROW LEVEL SECURITY");
  settings.created.row_security = false;
  CHECK(acts(plan()) == before);
}

TEST_CASE_FIXTURE(Scene, "without its directory nothing is dropped, and a person is told") {
  use("/nowhere/at/all");
  const task::Plan planned = plan();
  const Applied failed = keeper.chain(settings, planned);
  CHECK(failed.kind == Applied::Kind::yielded);
  CHECK(failed.stops_action);
  REQUIRE(codes(failed.findings) == Words{"archive_failed"});
  CHECK(failed.findings[0].severity == Severity::critical);
  CHECK(contains(failed.findings[0].text, "/nowhere/at/all"));
  REQUIRE(is_there());
  CHECK(admin.number("SELECT count(*) FROM public.events_y2026m01") == 300);
  CHECK(acts(plan()) == Words{"archive public.events_y2026m01", "drop public.events_y2026m01"});
  use(directory.path("archive"));
  keeper.once(settings, november);
  CHECK_FALSE(is_there());
  CHECK(archived_rows() == 300);
}

TEST_CASE_FIXTURE(Scene, "the marker says that it is archived, where, and since when detached") {
  go_up_to("guard");
  const auto marker = [&](const std::string& key) {
    return admin.value(
        "SELECT substr(obj_description('public.events_y2026m01'::regclass), 14)::"
        "json ->> '" +
        key + "'");
  };
  const auto since = marker("since");
  go_up_to("archive");
  CHECK(marker("state") == "archived");
  CHECK(marker("archive") == archives()[0].name);
  CHECK(marker("since") == since);
  CHECK(acts(plan()) == Words{"drop public.events_y2026m01"});
  // Who does not want archives any more need not have this one.
  settings.expire = config::Expire::drop;
  CHECK(acts(plan()) == Words{"drop public.events_y2026m01"});
}

TEST_CASE_FIXTURE(Scene, "what was written to after it was archived is archived anew") {
  go_up_to("archive");
  const task::Plan planned = plan();
  // As in one pass, in which the archive is known to be good: only the proof can tell.
  partition::PassArchives known;
  const archive::Stored stored = archives()[0];
  const task::Step& drop = planned.steps.back();
  known.emplace(drop.target.value().oid,
                archive::Archived{stored.name, stored.folder, stored.manifest.value(), true});
  admin.execute("INSERT INTO public.events_y2026m01 VALUES (301, '2026-01-06', 'late')");
  Applied applied;
  run(keeper.loop(), partition::apply_archived(keeper.connection(), settings, place, drop,
                                               keeper.around, SteadyTime::max(), known, applied));
  CHECK(applied.kind == Applied::Kind::yielded);
  CHECK(codes(applied.findings) == Words{"changed_meanwhile"});
  CHECK(known.empty());
  REQUIRE(is_there());
  keeper.once(settings, november);
  CHECK_FALSE(is_there());
  CHECK(archives().size() == 2);
  CHECK(archived_rows() == 301);
}

TEST_CASE_FIXTURE(Scene,
                  "an archive that is gone or damaged when it comes to the drop is made anew") {
  go_up_to("archive");
  SUBCASE("gone") {
    std::filesystem::remove_all(archives()[0].folder);
  }
  SUBCASE("damaged") {
    std::ofstream{archives()[0].folder + "/data.bin.zst", std::ios::app} << "x";
  }
  keeper.once(settings, november);
  CHECK_FALSE(is_there());
  CHECK(archived_rows() == 300);
  CHECK(archives().back().problem.empty());
}

TEST_CASE_FIXTURE(Scene, "a hold that comes after the archive keeps the table") {
  go_up_to("archive");
  settings.hold_query = "SELECT true";
  CHECK(acts(plan()) == Words{});
  CHECK(codes(plan().findings) == Words{"detached_kept"});
  settings.hold_query = "SELECT false";
  CHECK(acts(plan()) == Words{"drop public.events_y2026m01"});
}

TEST_CASE_FIXTURE(Scene, "the grace comes between detach and archive") {
  settings.grace = std::chrono::days{7};
  keeper.once(settings, november);
  CHECK(is_there());
  CHECK(archives().empty());
  // The marker has the server's own clock.
  const UtcTime later = at("2126-11-23");
  for (const task::Step& step : keeper.plan(settings, later).steps) {
    if (step.subject == "public.events_y2026m01") keeper.apply(settings, step);
  }
  CHECK_FALSE(is_there());
  CHECK(archives().size() == 1);
}

TEST_CASE_FIXTURE(Scene, "only one table is archived at a time") {
  go_up_to("guard");
  const task::Plan planned = plan();
  place->turn->is_taken = true;
  const Applied waits = keeper.chain(settings, planned);
  CHECK(codes(waits.findings) == Words{"archive_waits"});
  CHECK(waits.kind == Applied::Kind::yielded);
  CHECK(waits.can_wait);
  CHECK(waits.stops_action);
  place->turn->is_taken = false;
  keeper.once(settings, november);
  CHECK_FALSE(is_there());
  CHECK_FALSE(place->turn->is_taken);
}

TEST_CASE_FIXTURE(Scene, "an archive is given up when partitions are needed, and leaves nothing") {
  go_up_to("guard");
  const task::Plan planned = plan();
  partition::PassArchives known;
  Applied applied;
  run(keeper.loop(),
      partition::apply_archived(keeper.connection(), settings, place, planned.steps.front(),
                                keeper.around, SteadyTime{}, known, applied));
  CHECK(codes(applied.findings) == Words{"archive_given_up"});
  CHECK(applied.kind == Applied::Kind::yielded);
  CHECK(archives().empty());
  CHECK_FALSE(place->turn->is_taken);
  CHECK(keeper.connection().state() == pg::SessionState::ready);
  keeper.once(settings, november);
  CHECK_FALSE(is_there());
}

TEST_CASE_FIXTURE(Scene, "a stop or a lost lease while it is archived leaves the drop undone") {
  go_up_to("guard");
  const task::Plan planned = plan();
  keeper.around.may_act = [] { return false; };
  const Applied stopped = keeper.apply(settings, planned.steps.front());
  CHECK(codes(stopped.findings) == Words{"changed_meanwhile"});
  CHECK(archives().empty());
  CHECK(acts(plan()) == Words{"archive public.events_y2026m01", "drop public.events_y2026m01"});
}

TEST_CASE_FIXTURE(Scene, "a place that cannot be used is one line, and costs no row") {
  go_up_to("guard");
  const task::Plan planned = plan();
  std::ofstream{directory.path("archive/public.events")} << "a file where a folder has to be";
  const Applied failed = keeper.chain(settings, planned);
  CHECK(codes(failed.findings) == Words{"archive_failed"});
  CHECK(is_there());
  CHECK_FALSE(place->turn->is_taken);
}

TEST_CASE_FIXTURE(Scene, "a table that somebody has attached again is not locked for an archive") {
  go_up_to("guard");
  const task::Plan planned = plan();
  admin.execute(
      "ALTER TABLE public.events ATTACH PARTITION public.events_y2026m01 FOR VALUES FROM "
      "('2026-01-01 00:00+00') TO ('2026-02-01 00:00+00')");
  const Applied refused = keeper.apply(settings, planned.steps.front());
  CHECK(codes(refused.findings) == Words{"changed_meanwhile"});
  CHECK(contains(refused.findings[0].text, "attached"));
  CHECK(archives().empty());
  CHECK(admin.number("SELECT count(*) FROM public.events") == 301);
}

TEST_CASE_FIXTURE(Scene, "an archive that is gone within the pass that wrote it keeps the table") {
  go_up_to("archive");
  const task::Plan planned = plan();
  const archive::Stored stored = archives()[0];
  partition::PassArchives known;
  const task::Step& drop = planned.steps.back();
  known.emplace(drop.target.value().oid,
                archive::Archived{stored.name, stored.folder, stored.manifest.value(), true});
  std::filesystem::remove_all(stored.folder);
  Applied applied;
  run(keeper.loop(), partition::apply_archived(keeper.connection(), settings, place, drop,
                                               keeper.around, SteadyTime::max(), known, applied));
  CHECK(codes(applied.findings) == Words{"archive_gone"});
  CHECK(is_there());
}

TEST_CASE_FIXTURE(Scene, "a hold that comes between archive and drop is asked for under the lock") {
  settings.hold_query = "SELECT EXISTS (SELECT FROM public.holds)";
  admin.execute("CREATE TABLE public.holds (); ALTER TABLE public.holds OWNER TO pgc_owner");
  const task::Plan planned = plan();
  for (const task::Step& step : planned.steps) {
    if (step.action == "drop") admin.execute("INSERT INTO public.holds DEFAULT VALUES");
    const Applied applied = keeper.apply(settings, step);
    if (step.action == "drop") {
      CHECK(codes(applied.findings) == Words{"held"});
    } else {
      REQUIRE(applied.kind == Applied::Kind::done);
    }
  }
  CHECK(is_there());
}

TEST_CASE_FIXTURE(Scene,
                  "an empty partition and one with a foreign key that came late go as well") {
  go_up_to("archive");
  SUBCASE("a foreign key") {
    admin.execute(
        "CREATE TABLE public.zones (id bigint PRIMARY KEY); ALTER TABLE public.zones OWNER TO "
        "pgc_owner; INSERT INTO public.zones SELECT generate_series(1, 300);"
        "ALTER TABLE public.events_y2026m01 ADD FOREIGN KEY (id) REFERENCES public.zones");
    CHECK(acts(plan()) == Words{"release public.events_y2026m01", "drop public.events_y2026m01"});
  }
  SUBCASE("no rows") {
    admin.execute("DELETE FROM public.events_y2026m01");
  }
  keeper.once(settings, november);
  CHECK_FALSE(is_there());
}

TEST_CASE_FIXTURE(Scene, "tables that are out of their parent wait for their turn as well") {
  admin.execute("INSERT INTO public.events VALUES (1, '2026-01-06', 'one more')");
  go_up_to("guard");
  settings.max_drops = 0;
  CHECK(acts(plan()) == Words{});
  settings.expire = config::Expire::drop;
  CHECK(acts(plan()) == Words{});
  settings.max_drops = 1;
  CHECK(acts(plan()) == Words{"drop public.events_y2026m01"});
}
