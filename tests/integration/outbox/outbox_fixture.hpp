// SPDX-License-Identifier: Apache-2.0
// Real outboxes of both shapes, and a session that keeps them.
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>

#include "config/settings.hpp"
#include "outbox/apply.hpp"
#include "outbox/catalog.hpp"
#include "outbox/plan.hpp"
#include "postgres/canceller.hpp"
#include "support/database.hpp"
#include "support/outbox_settings.hpp"
#include "support/run.hpp"
#include "support/surroundings.hpp"

namespace pgcaretaker::test {

/// One session of pgc_caretaker acting as pgc_owner, with the loop it lives on.
class Session {
 public:
  explicit Session(pg::ConnectOptions options)
      : connection_{run(loop_, pg::Connection::connect(std::move(options), canceller_))} {}

  asio::io_context& loop() { return loop_; }
  pg::Connection& connection() { return *connection_; }

  outbox::Snapshot observe(const config::Outbox& settings,
                           std::optional<UtcTime> as_of = std::nullopt) {
    return run(loop_, outbox::observe(*connection_, settings, as_of));
  }
  task::Plan plan(const config::Outbox& settings, std::optional<UtcTime> as_of = std::nullopt) {
    return outbox::plan(observe(settings, as_of), settings);
  }
  task::Applied sweep(const config::Outbox& settings, const task::Step& step,
                      outbox::SweepLimits limits = {}, outbox::State state = outbox::State::done) {
    task::Applied applied;
    run(loop_,
        outbox::sweep(*connection_, step, settings.table, state, limits, may_go_on, applied));
    return applied;
  }

  std::function<bool()> may_go_on = [] { return true; };

 private:
  asio::io_context loop_{1};
  pg::Canceller canceller_;
  std::unique_ptr<pg::Connection> connection_;
};

/// public.event_outbox as the control plane has it; `partitioning` is appended to CREATE TABLE.
inline void create_event_outbox(Admin& admin, const std::string& partitioning = "") {
  const std::string key = partitioning.empty() ? "PRIMARY KEY" : "NOT NULL";
  admin.execute("CREATE TABLE public.event_outbox (id text " + key +
                ", stream_name text NOT NULL DEFAULT 's', payload_json jsonb NOT NULL DEFAULT '{}',"
                " attempts int NOT NULL DEFAULT 0, available_at timestamptz NOT NULL DEFAULT now(),"
                " locked_until timestamptz, locked_by text, last_error text,"
                " dispatched_at timestamptz, request_id text,"
                " created_at timestamptz NOT NULL DEFAULT now())" +
                partitioning);
  admin.execute("CREATE INDEX ON public.event_outbox (available_at) WHERE dispatched_at IS NULL");
  admin.execute("CREATE INDEX ON public.event_outbox (created_at) WHERE dispatched_at IS NULL");
  admin.execute("ALTER TABLE public.event_outbox OWNER TO pgc_owner");
}

/// Rows of event_outbox: `count` of them, ids PREFIX1..PREFIXn. `age` is an interval.
inline void add_pending(Admin& admin, const std::string& prefix, int count,
                        const std::string& age) {
  admin.execute("INSERT INTO public.event_outbox (id, created_at) SELECT '" + prefix +
                "' || g, now() - interval '" + age + "' FROM generate_series(1, " +
                std::to_string(count) + ") g");
}
inline void add_done(Admin& admin, const std::string& prefix, int count, const std::string& age) {
  admin.execute("INSERT INTO public.event_outbox (id, created_at, dispatched_at) SELECT '" +
                prefix + "' || g, now() - interval '90 days', now() - interval '" + age +
                "' FROM generate_series(1, " + std::to_string(count) + ") g");
}
inline void add_dead(Admin& admin, const std::string& prefix, int count, const std::string& age) {
  admin.execute(
      "INSERT INTO public.event_outbox (id, created_at, available_at, attempts) SELECT '" + prefix +
      "' || g, now() - interval '" + age + "', 'infinity', 100 FROM generate_series(1, " +
      std::to_string(count) + ") g");
}

/// How many rows of each id prefix are left, e.g. "kept:3 young:2".
inline std::string remaining(Admin& admin) {
  return admin
      .value(
          "SELECT coalesce(string_agg(prefix || ':' || n, ' ' ORDER BY prefix), '') FROM (SELECT "
          "rtrim(id, '0123456789') AS prefix, count(*) AS n FROM public.event_outbox GROUP BY 1) s")
      .value();
}

inline const task::Finding* finding(const std::vector<task::Finding>& findings,
                                    const std::string& code) {
  for (const auto& each : findings) {
    if (each.code == code) return &each;
  }
  return nullptr;
}

}  // namespace pgcaretaker::test
