// SPDX-License-Identifier: Apache-2.0
// Log lines of a search for locks.
#include "partition/lock_hooks.hpp"

#include <fmt/format.h>

#include "config/duration.hpp"
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

}  // namespace pgcaretaker::partition
