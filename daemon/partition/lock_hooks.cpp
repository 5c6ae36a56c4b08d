// SPDX-License-Identifier: Apache-2.0
// The search for locks, with its log lines.
#include "partition/lock_hooks.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "config/duration.hpp"
#include "partition/costs.hpp"
#include "partition/refusal.hpp"
#include "partition/urgency.hpp"
#include "telemetry/log.hpp"

namespace pgcaretaker::partition {

namespace {

using task::Step;
using telemetry::Metric;
using telemetry::Sample;

void count(const std::string& table, std::string outcome, int attempts,
           telemetry::Samples& samples) {
  if (attempts == 0) return;
  samples.push_back(Sample{
      Metric::lock_attempts_total, {table, std::move(outcome)}, static_cast<double>(attempts)});
}

}  // namespace

pg::LockSearch lock_search(const config::Partition& settings, const Step& step,
                           const task::Surroundings& around) {
  pg::LockSearch search;
  search.may_go_on = around.may_act;
  search.in_a_hurry = around.others_wait;
  const telemetry::Fields fields{{"task", config::task_name(settings)}, {"subject", step.subject}};
  search.waiting = [&step, fields](const std::vector<pg::Holder>& holders) {
    const bool is_forced = step.urgency == urgency_text(Urgency::forced);
    const auto log = is_forced ? telemetry::log_warn : telemetry::log_info;
    log(fmt::format("{} {} waits for a lock, for {} at most: {}", step.action, step.subject,
                    config::duration_text(step.effort.patience), pg::holders_text(holders)),
        fields);
  };
  search.growing = [&step, fields](Duration lock_timeout) {
    telemetry::log_warn(fmt::format("{} {} is urgent: it asks for its lock for up to {} now, "
                                    "whoever is in the way",
                                    step.action, step.subject, config::duration_text(lock_timeout)),
                        fields);
  };
  return search;
}

void count_attempts(const config::Partition& settings, const pg::LockSpent& spent,
                    telemetry::Samples& samples) {
  count(settings.table.text(), "timeout", spent.attempts, samples);
  count(settings.table.text(), "yielded", spent.yields, samples);
}

Awaitable<void> limit_from_here(pg::Connection& connection, Duration lock_timeout,
                                Duration statement_timeout) {
  const std::string sql = fmt::format(
      "SELECT pg_catalog.set_config('lock_timeout', '{}', true),\n"
      "       pg_catalog.set_config('statement_timeout', '{}', true),\n"
      "       pg_catalog.set_config('idle_in_transaction_session_timeout', '{}', true)",
      lock_timeout.count(), statement_timeout.count(), longest_silence.count());
  co_await connection.query("partition.limits", sql);
}

bool has_neighbours(const Step& step) {
  return std::ranges::any_of(step.locks, &pg::WantedLock::comes_last);
}

Awaitable<void> limit_neighbours(pg::Connection& connection, const Step& step,
                                 Duration lock_timeout, Duration statement_timeout) {
  if (!has_neighbours(step) || lock_timeout <= longest_attach_with_keys) co_return;
  co_await limit_from_here(connection, longest_attach_with_keys, statement_timeout);
}

Awaitable<void> search_and_apply(pg::Connection& connection, const config::Partition& settings,
                                 const Step& step, const task::Surroundings& around,
                                 const Try& attempt, task::Applied& applied) {
  std::optional<task::Applied> ended;
  telemetry::Samples samples;
  pg::LockSearch search = lock_search(settings, step, around);
  search.attempt = [&](Duration lock_timeout) -> Awaitable<pg::Attempt> {
    ended = co_await attempt(lock_timeout, samples);
    co_return ended ? pg::Attempt::ended : pg::Attempt::no_lock;
  };
  const pg::LockSpent spent = co_await pg::search_lock(
      connection, around.clock, around.pass_started, step.effort, step.locks, search);
  count_attempts(settings, spent, samples);
  applied = ended ? std::move(*ended) : lock_not_granted(step, spent);
  applied.samples.insert(applied.samples.begin(), samples.begin(), samples.end());
}

}  // namespace pgcaretaker::partition
