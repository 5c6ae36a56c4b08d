// SPDX-License-Identifier: Apache-2.0
// A partitioned table in a real database, and a session that keeps it.
#pragma once

#include <doctest/doctest.h>

#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>
#include <vector>

#include "partition/calendar.hpp"
#include "partition/task.hpp"
#include "postgres/canceller.hpp"
#include "postgres/timestamp.hpp"
#include "support/database.hpp"
#include "support/run.hpp"
#include "support/surroundings.hpp"

namespace pgcaretaker::test {

inline UtcTime at(std::string_view text) {
  return pg::parse_timestamp(text).value();
}

/// When a set of months begins, and the day of most tests.
inline const UtcTime january = at("2026-01-15");
inline const UtcTime november = at("2026-11-23");
inline const UtcTime afternoon = november + std::chrono::hours{14};

using Words = std::vector<std::string>;

/// public.events (id, at, note) with a primary key and an index, owned by pgc_owner.
inline void create_events(Admin& admin, const std::string& key_type = "timestamptz") {
  admin.execute("CREATE TABLE public.events (id bigint, at " + key_type +
                " NOT NULL, note text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);"
                "CREATE INDEX events_note ON public.events (note);"
                "ALTER TABLE public.events OWNER TO pgc_owner");
}

/// public.events gets a default partition, owned as it is.
inline void create_default(Admin& admin) {
  admin.execute(
      "CREATE TABLE public.events_default PARTITION OF public.events DEFAULT;"
      "ALTER TABLE public.events_default OWNER TO pgc_owner");
}

/// The same in months, one ahead, under a lock_timeout that no quick step meets; one try a pass,
/// nothing afterwards.
inline config::Partition events() {
  config::Partition settings;
  settings.table = {"public", "events"};
  settings.ahead = 1;
  settings.lock_timeout = std::chrono::seconds{5};
  settings.patience = std::chrono::seconds{0};
  settings.force_timeout = std::chrono::seconds{0};
  settings.freeze = false;
  settings.analyze = false;
  return settings;
}

/// Months are dropped after 60 days.
inline config::Partition short_lived_events() {
  config::Partition settings = events();
  settings.retention = std::chrono::days{60};
  settings.expire = config::Expire::drop;
  return settings;
}

/// The same, under a lock_timeout that whoever is in the way outlasts.
inline config::Partition impatient() {
  config::Partition settings = short_lived_events();
  settings.lock_timeout = std::chrono::milliseconds{50};
  return settings;
}

/// Names and bounds of all partitions, by name: "events_y2026m11 FOR VALUES FROM (...) TO (...)".
inline Words partitions(Admin& admin, const std::string& table = "public.events") {
  return admin.column(
      "SELECT c.relname || ' ' || pg_get_expr(c.relpartbound, 0) FROM pg_inherits i JOIN pg_class "
      "c "
      "ON c.oid = i.inhrelid WHERE i.inhparent = '" +
      table + "'::regclass ORDER BY c.relname COLLATE \"C\"");
}

/// Names alone.
inline Words names(Admin& admin, const std::string& table = "public.events") {
  return admin.column(
      "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent "
      "= '" +
      table + "'::regclass ORDER BY c.relname COLLATE \"C\"");
}

/// Every row of the table, in one word that no order changes.
inline std::string contents(Admin& admin, const std::string& table = "public.events") {
  return admin
      .value(
          "SELECT count(*) || ' ' || coalesce(md5(string_agg(t::text, ',' ORDER BY t::text)), "
          "'') FROM " +
          table + " AS t")
      .value();
}

/// One session with the loop it lives on.
class Keeper {
 public:
  /// `place` is for settings that archive.
  explicit Keeper(pg::ConnectOptions options, std::shared_ptr<archive::Workplace> place = nullptr)
      : workplace{std::move(place)},
        connection_{run(loop_, pg::Connection::connect(std::move(options), canceller_))} {}

  asio::io_context& loop() { return loop_; }
  pg::Connection& connection() { return *connection_; }

  task::Plan plan(const config::Partition& settings, std::optional<UtcTime> as_of = {}) {
    partition::PartitionTask task{settings, {std::nullopt}, workplace};
    return run(loop_, task.plan(*connection_, as_of));
  }
  task::Applied apply(const config::Partition& settings, const task::Step& step) {
    partition::PartitionTask task{settings, {std::nullopt}, workplace};
    task::Applied applied;
    run(loop_, task.apply(*connection_, step, around, applied));
    return applied;
  }
  /// The steps about the subject of the plan's last one, as a pass does them: none behind one that
  /// was not done. What the last of them came to, with the samples of all.
  task::Applied chain(const config::Partition& settings, const task::Plan& plan) {
    return chain(settings, plan, plan.steps.back().subject);
  }
  task::Applied chain(const config::Partition& settings, const task::Plan& plan,
                      const std::string& subject) {
    task::Applied last;
    telemetry::Samples samples;
    for (const task::Step& step : plan.steps) {
      if (step.subject != subject) continue;
      last = apply(settings, step);
      samples.insert(samples.end(), last.samples.begin(), last.samples.end());
      if (last.kind != task::Applied::Kind::done) break;
    }
    last.samples = std::move(samples);
    return last;
  }
  /// Plans and applies every step; what each subject came to.
  std::vector<task::Applied> once(const config::Partition& settings,
                                  std::optional<UtcTime> as_of = {}) {
    std::vector<task::Applied> results;
    const task::Plan found = plan(settings, as_of);
    for (std::size_t i = 0; i < found.steps.size(); ++i) {
      const std::string& subject = found.steps[i].subject;
      if (i > 0 && found.steps[i - 1].subject == subject) continue;
      results.push_back(chain(settings, found, subject));
    }
    return results;
  }

  task::Surroundings around = surroundings();
  std::shared_ptr<archive::Workplace> workplace;

 private:
  asio::io_context loop_{1};
  pg::Canceller canceller_;
  std::unique_ptr<pg::Connection> connection_;
};

/// All steps: "mark public.a", "detach public.a" ...
inline Words acts(const task::Plan& plan) {
  Words result;
  for (const task::Step& step : plan.steps) {
    result.push_back(step.action + " " + step.subject);
  }
  return result;
}

/// What each subject comes to in the end: "drop public.a".
inline Words subjects(const task::Plan& plan) {
  Words result;
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    const task::Step& step = plan.steps[i];
    const bool is_last = i + 1 == plan.steps.size() || plan.steps[i + 1].subject != step.subject;
    if (is_last) result.push_back(step.action + " " + step.subject);
  }
  return result;
}

inline Words codes(const std::vector<task::Finding>& findings) {
  Words result;
  for (const task::Finding& finding : findings) {
    result.push_back(finding.code);
  }
  return result;
}

/// What partition_changes_total counts of it.
inline Words changes(const task::Applied& applied) {
  Words result;
  for (const telemetry::Sample& found : applied.samples) {
    if (found.metric == telemetry::Metric::partition_changes_total) {
      result.push_back(found.labels.back());
    }
  }
  return result;
}

inline bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

inline double sample(const task::Plan& plan, telemetry::Metric metric) {
  for (const telemetry::Sample& found : plan.samples) {
    if (found.metric == metric) return found.value;
  }
  return -1;
}

}  // namespace pgcaretaker::test
