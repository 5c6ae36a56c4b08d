// SPDX-License-Identifier: Apache-2.0
// The ceiling from the settings, shortened by retention_query.
#include "partition/retention.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "config/duration.hpp"

namespace pgcaretaker::partition {

namespace {

using task::Finding;
using task::Severity;

// More days than a Duration could hold are longer than any ceiling.
constexpr std::int64_t most_days = 10'000'000;

bool is_usable(const RetentionAnswer& answer) {
  return answer.error.empty() && answer.days && *answer.days >= 1 && *answer.days < most_days;
}

}  // namespace

std::optional<Retention> retention_in_effect(const config::Partition& settings,
                                             const RetentionAnswer& answer, UtcTime now) {
  if (!settings.retention) return std::nullopt;
  Retention retention{*settings.retention, false, now};
  if (is_usable(answer)) {
    const Duration asked = std::chrono::days{*answer.days};
    if (asked < retention.keep) {
      retention.keep = asked;
      retention.shortened = true;
    }
  }
  // A negative setting must not reach into the future.
  retention.cutoff = now - std::max(retention.keep, Duration{0});
  return retention;
}

bool is_expired(const Member& member, const std::optional<Retention>& retention) {
  return retention && member.standing == Standing::regular &&
         member.range.upper <= retention->cutoff;
}

bool can_retire(const config::Partition& settings) {
  return settings.expire != config::Expire::unset && settings.max_drops > 0;
}

bool is_paused(const config::Partition& settings) {
  return settings.expire != config::Expire::unset && settings.max_drops == 0;
}

bool drops(const config::Partition& settings) {
  return settings.expire == config::Expire::drop || archives(settings);
}

bool archives(const config::Partition& settings) {
  return settings.expire == config::Expire::archive;
}

bool drops_by_function(const config::Partition& settings) {
  return settings.drop_function && settings.expire == config::Expire::drop;
}

std::vector<Finding> retention_findings(const config::Partition& settings,
                                        const RetentionAnswer& answer) {
  std::vector<Finding> findings;
  if (!settings.retention) return findings;
  const std::string table = settings.table.text();
  const auto warn = [&](std::string code, std::string text) {
    findings.push_back(Finding{Severity::warning, std::move(code), table, std::move(text)});
  };
  if (!answer.error.empty()) {
    warn("retention_query", fmt::format("retention_query failed, the configured {} are used: {}",
                                        config::duration_text(*settings.retention), answer.error));
  } else if (answer.days && *answer.days < 1) {
    warn("retention_query",
         fmt::format("retention_query gave {} days, the configured {} are used: it must give at "
                     "least 1",
                     *answer.days, config::duration_text(*settings.retention)));
  }
  return findings;
}

}  // namespace pgcaretaker::partition
