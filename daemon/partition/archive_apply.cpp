// SPDX-License-Identifier: Apache-2.0
// First the disk, then the catalog.
#include "partition/archive_apply.hpp"

#include <fmt/format.h>

#include "archive/background.hpp"
#include "archive/error.hpp"
#include "archive/proof.hpp"
#include "archive/store.hpp"
#include "async/with_deadline.hpp"
#include "config/duration.hpp"
#include "partition/apply.hpp"
#include "partition/refusal.hpp"
#include "partition/steps.hpp"
#include "postgres/side_thread.hpp"

namespace pgcaretaker::partition {

namespace {

using archive::Archived;
using task::Applied;
using task::Severity;
using task::Step;

// The loop waits for so long when a call is under way: less than a session may be idle in a step.
constexpr Duration farewell = std::chrono::milliseconds{100};

/// The step with what the archive tells.
Step completed(Step step, const Archived& archived) {
  for (task::Statement& sent : step.statements) {
    if (sent.name == statement::archive_name) sent.params = {archived.name};
    if (sent.name == statement::counted_rows) {
      sent.params = {std::to_string(archived.manifest.rows)};
    }
    if (sent.name == archive::unchanged_proof) {
      archive::compare_with(sent, archived.manifest.fingerprint);
    }
  }
  return step;
}

archive::Subject subject_of(const config::Partition& settings, const Step& step) {
  const task::Target& target = step.target.value();
  archive::Subject subject;
  subject.oid = target.oid;
  subject.table = target.name;
  subject.parent = settings.table;
  subject.bounds = target.bounds;
  subject.plan_id = target.plan_id;
  return subject;
}

/// Tells how far it is. A COPY that stalls and a disk that hangs have limits of their own.
void show(const task::Surroundings& around, std::string text, double ratio,
          telemetry::Samples samples) {
  around.progress({std::move(text), ratio, std::move(samples), longest_proof});
}

Awaitable<std::optional<Archived>> archive_until(pg::Connection& connection,
                                                 const config::Partition& settings,
                                                 const archive::Workplace& place, const Step& step,
                                                 const task::Surroundings& around,
                                                 SteadyTime until) {
  const std::string table = settings.table.text();
  pg::SideThread side_thread{farewell};
  archive::Workshop workshop{place.settings, place.version, side_thread, around.clock};
  workshop.lock_timeout = settings.lock_timeout;
  workshop.on_progress = [&](const archive::Progress& progress) {
    if (!around.may_act()) throw archive::Interruption{"stopped while it was archived"};
    show(around, archive::progress_line(progress), progress.ratio(),
         {archive::progress_sample(table, &progress)});
  };
  const archive::Subject subject = subject_of(settings, step);
  show(around, step.subject + ": counting its rows", 0, {});
  Awaitable<Archived> work = archive::archive_table(connection, subject, workshop);
  std::optional<Archived> archived = co_await async::with_deadline(std::move(work), until);
  co_return archived;
}

/// nullopt = `applied` says why there is none.
Awaitable<std::optional<Archived>> make_archive(pg::Connection& connection,
                                                const config::Partition& settings,
                                                const archive::Workplace& place, const Step& step,
                                                const task::Surroundings& around, SteadyTime until,
                                                Applied& applied) {
  std::optional<Archived> archived;
  if (place.turn->is_taken) {
    applied = come_back(step, Severity::info, "archive_waits",
                        "not archived yet: another table is being archived, and only one is at a "
                        "time");
    applied.stops_action = true;
    co_return archived;
  }
  const archive::TurnMark mark{place.turn};
  const SteadyTime began = around.clock.now();
  try {
    archived = co_await archive_until(connection, settings, place, step, around, until);
    if (!archived) {
      const auto spent = std::chrono::duration_cast<std::chrono::seconds>(until - began);
      applied =
          come_back(step, Severity::warning, "archive_given_up",
                    fmt::format("archiving was given up after {}, before new partitions are "
                                "needed, and begins anew with the next pass: keep more of them "
                                "ahead, or archive it by hand with  pgcaretaker archive write "
                                "{}",
                                config::duration_text(spent), step.subject));
      applied.stops_action = true;
    }
  } catch (const archive::Interruption& interruption) {
    applied =
        come_back(step, Severity::info, "changed_meanwhile",
                  fmt::format("not archived; the next pass looks again: {}", interruption.what()));
  } catch (const archive::Error& error) {
    applied = come_back(step, Severity::critical, "archive_failed",
                        fmt::format("not archived, so it is kept: {}", error.what()));
    applied.stops_action = true;  // a disk that is full is full for the next one as well
  } catch (const pg::Error& error) {
    if (!error.is_lock_timeout() && !error.is_deadlock()) throw;
    applied = come_back(step, Severity::info, "lock_timeout",
                        "not archived: somebody uses the table, although it is detached; the next "
                        "pass tries again");
  }
  co_return archived;
}

/// Whether an archive of this pass still lies there.
Awaitable<bool> is_in_place(const Archived& archived) {
  pg::SideThread side_thread{farewell};
  std::function<archive::Stored()> load = [name = archived.name, folder = archived.folder] {
    return archive::load(name, folder);
  };
  const archive::Stored stored = co_await archive::in_background(side_thread, std::move(load));
  co_return stored.manifest == archived.manifest;
}

/// Sends the step when its archive is there, and we may act still.
Awaitable<void> send_archived(pg::Connection& connection, const config::Partition& settings,
                              const Step& step, const task::Surroundings& around,
                              PassArchives& known, Applied& applied) {
  const std::int64_t table = step.target->oid;
  // Writing may have taken long: whether we may still act is another question by now.
  if (!around.may_act()) {
    applied =
        come_back(step, Severity::info, "archive_stopped",
                  fmt::format("{} not done: stopped when its archive was written", step.action));
    co_return;
  }
  const bool is_there = co_await is_in_place(known.at(table));
  if (is_there) {
    const Step sent = completed(step, known.at(table));
    co_await apply_step(connection, settings, sent, around, applied);
  } else {
    applied = come_back(step, Severity::warning, "archive_gone",
                        fmt::format("kept, because its archive {} is gone: the next pass writes it "
                                    "anew",
                                    known.at(table).name));
  }
  // What the archive does not hold any more has to be archived anew.
  if (applied.kind != Applied::Kind::done) known.erase(table);
}

}  // namespace

bool needs_archive(const Step& step) {
  return step.target.has_value();
}

Awaitable<void> apply_archived(pg::Connection& connection, const config::Partition& settings,
                               const std::shared_ptr<archive::Workplace>& workplace,
                               const Step& step, const task::Surroundings& around, SteadyTime until,
                               PassArchives& known, Applied& applied) {
  if (!known.contains(step.target->oid)) {
    std::optional<Archived> archived =
        co_await make_archive(connection, settings, *workplace, step, around, until, applied);
    if (archived) known.insert_or_assign(step.target->oid, std::move(*archived));
  }
  if (known.contains(step.target->oid)) {
    const bool drops = step.action == action::drop;
    if (drops) show(around, step.subject + ": comparing it with its archive", 1, {});
    co_await send_archived(connection, settings, step, around, known, applied);
  }
  around.progress({"", 0, {archive::progress_sample(settings.table.text(), nullptr)}});
}

}  // namespace pgcaretaker::partition
