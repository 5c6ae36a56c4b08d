// SPDX-License-Identifier: Apache-2.0
// Holds, owners and the number that may go at once.
#include "partition/retirement.hpp"

#include <fmt/format.h>

#include "config/duration.hpp"
#include "partition/retire_steps.hpp"
#include "partition/urgency.hpp"

namespace pgcaretaker::partition {

namespace {

using task::Severity;
using task::Step;

bool drops_by_function(const config::Partition& settings) {
  return settings.drop_function && settings.expire == config::Expire::drop;
}

/// Holds are said once each; a partition nobody asked about is counted only.
bool let_go(const Inputs& in, const Member& member, int& not_asked, FindingList& findings) {
  if (!is_held(in.settings, in.answers, member)) return true;
  const auto hold = in.answers.holds.find(member.observed.oid);
  if (hold == in.answers.holds.end()) {
    ++not_asked;
    return false;
  }
  const std::string& error = hold->second.error;
  if (error.empty()) {
    findings.add(Severity::info, "held", member.observed.name.text(),
                 "expired, but hold_query keeps it");
  } else {
    findings.add(Severity::critical, "hold_query_failed", member.observed.name.text(),
                 "expired, but kept because hold_query failed: " + error);
  }
  return false;
}

}  // namespace

bool is_held(const config::Partition& settings, const Answers& answers, const Member& member) {
  if (settings.hold_query.empty()) return false;
  const auto hold = answers.holds.find(member.observed.oid);
  return hold == answers.holds.end() || hold->second.held;
}

void plan_retirement(const Inputs& in, std::vector<Step>& steps, FindingList& findings) {
  if (!can_retire(in.settings)) return;
  const bool by_function = drops_by_function(in.settings);
  int planned = 0;
  int not_asked = 0;
  for (const std::size_t index : in.draft.expired) {
    if (planned >= in.settings.max_drops) break;
    const Member& member = in.draft.members[index];
    if (!let_go(in, member, not_asked, findings)) continue;
    if (!by_function && !(in.snapshot.table.owned && member.observed.owned)) {
      findings.add(
          Severity::critical, "not_owner", member.observed.name.text(),
          fmt::format("expired, but role {} does not own it and its parent: grant it their "
                      "owner's role, or set drop_function with expire = \"drop\"",
                      in.snapshot.role));
      continue;
    }
    const Retention& retention = *in.draft.retention;
    std::string reason = fmt::format(
        "upper bound {} is older than {}{}", time_text(member.range.upper),
        config::duration_text(retention.keep), retention.shortened ? " (retention_query)" : "");
    const auto build = by_function ? drop_by_function_step : retire_step;
    steps.push_back(build(in.context, member, retention, std::move(reason)));
    set_urgency(steps.back(), in.settings, retirement_urgency(member.range, retention.cutoff));
    ++planned;
  }
  if (not_asked > 0 && planned < in.settings.max_drops) {
    findings.add(Severity::info, "held", in.settings.table.text(),
                 fmt::format("{} more expired partitions wait behind those that hold_query keeps",
                             not_asked));
  }
}

}  // namespace pgcaretaker::partition
