// SPDX-License-Identifier: Apache-2.0
// Thinking: what must be created and what may go, step by step, with reasons in words.
#include "partition/plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "config/duration.hpp"
#include "partition/details.hpp"
#include "partition/findings.hpp"
#include "partition/name.hpp"
#include "partition/steps.hpp"
#include "partition/urgency.hpp"
#include "partition/window.hpp"

namespace pgcaretaker::partition {

namespace {

using task::Finding;
using task::Severity;
using task::Step;

/// Everything the rules below look at.
struct Inputs {
  const config::Partition& settings;
  const Snapshot& snapshot;
  const Draft& draft;
  const Answers& answers;
  const StepContext& context;
};

bool drops_by_function(const config::Partition& settings) {
  return settings.drop_function && settings.expire == config::Expire::drop;
}

StepContext context_of(const config::Partition& settings, const Snapshot& snapshot,
                       const Draft& draft, const Answers& answers) {
  StepContext context{settings, snapshot.table.oid, draft.key.value_or(KeyType::timestamptz), {}};
  context.referenced = snapshot.table.referenced;
  context.referencing = snapshot.table.referencing;
  if (snapshot.table.owner != snapshot.role) context.owner = snapshot.table.owner;
  context.pattern = answers.pattern;
  for (const Member& member : draft.members) {
    if (member.standing == Standing::default_partition) {
      context.default_partition = member.observed;
    }
  }
  return context;
}

/// "2026", "2026-11", else the time itself: how people call an interval.
std::string interval_name(const config::Interval& interval, UtcTime lower) {
  const std::string text = time_text(lower);
  switch (interval.unit) {
    case config::IntervalUnit::year:
      return text.substr(0, text.find('-'));
    case config::IntervalUnit::month:
    case config::IntervalUnit::quarter:
      return text.substr(0, text.rfind('-'));
    default:
      return text;
  }
}

std::string creation_reason(const Inputs& in, const Missing& missing) {
  const UtcTime now = in.snapshot.now;
  if (missing.range.contains(now)) {
    return fmt::format("no partition takes the rows of today: {} is free",
                       range_text(missing.range));
  }
  const bool covered_beyond =
      std::any_of(in.draft.members.begin(), in.draft.members.end(), [&](const Member& member) {
        return member.standing == Standing::regular && member.range.lower >= missing.range.upper;
      });
  if (covered_beyond) {
    return fmt::format("there is a gap at {}", range_text(missing.range));
  }
  const int ahead = in.settings.ahead;
  return fmt::format("the window must reach {}: {} interval{} ahead of {}",
                     time_text(in.draft.window.upper), ahead, ahead == 1 ? "" : "s",
                     interval_name(in.settings.interval, in.draft.window.lower));
}

/// Whether our role may create at all; says so once when not.
bool may_create(const Inputs& in, FindingList& findings) {
  if (in.settings.create_function || in.draft.missing.empty()) return true;
  const ObservedTable& table = in.snapshot.table;
  if (!table.owned) {
    findings.add(Severity::critical, "not_owner", in.settings.table.text(),
                 fmt::format("role {0} may not create its partitions: set database.role to its "
                             "owner {1}, no superuser, of which the login is a member, or set "
                             "create_function; config/roles.sql shows both ways",
                             in.snapshot.role, table.owner));
    return false;
  }
  if (!table.may_create) {
    findings.add(Severity::critical, "not_owner", in.settings.table.text(),
                 fmt::format("role {1} may not create tables in its schema: GRANT USAGE, CREATE ON "
                             "SCHEMA {0} TO {1}, or set create_function",
                             config::quote_identifier(in.settings.table.schema), in.snapshot.role));
    return false;
  }
  return true;
}

/// Why this one range cannot be created, or nothing.
std::optional<Finding> creation_obstacle(const Inputs& in, const Missing& missing, bool blocked,
                                         const std::set<std::string>& planned_names) {
  const config::TableName name{in.settings.table.schema, missing.name};
  const auto critical = [&](std::string code, std::string text) {
    return Finding{Severity::critical, std::move(code), name.text(), std::move(text)};
  };
  if (blocked) {
    const std::string clause = bounds_clause(in.context.key, missing.range);
    return default_blocks(in.settings.table, name.text(), clause.substr(clause.find("FROM")));
  }
  if (in.settings.create_function) {
    if (missing.whole) return std::nullopt;
    return critical("odd_bounds",
                    fmt::format("{} is free but not a whole interval, which is all that "
                                "create_function makes: create it by hand",
                                range_text(missing.range)));
  }
  if (missing.name.size() > longest_name) {
    return critical("name_too_long",
                    fmt::format("this name has {} bytes, PostgreSQL takes {}: shorten name in "
                                "[[partition]]",
                                missing.name.size(), longest_name));
  }
  if (planned_names.contains(missing.name)) {
    return critical("name_clash",
                    fmt::format("name in [[partition]] gives {} the name of an earlier "
                                "range: add a finer conversion such as %d or %H",
                                range_text(missing.range)));
  }
  const auto taken = in.answers.taken_names.find(missing.name);
  if (taken != in.answers.taken_names.end()) {
    return critical(
        "name_clash",
        fmt::format("the partition for {} needs this name, but {} has it: rename or drop "
                    "that, or change name in [[partition]]",
                    range_text(missing.range), taken->second));
  }
  return std::nullopt;
}

/// What can be created, oldest first, each with its reason.
struct Creation {
  NewPartition partition;
  std::string reason;
};

std::vector<Creation> creations(const Inputs& in, FindingList& findings) {
  std::vector<Creation> result;
  std::set<std::string> planned_names;
  for (std::size_t i = 0; i < in.draft.missing.size(); ++i) {
    const Missing& missing = in.draft.missing[i];
    const bool blocked = i < in.answers.blocked.size() && in.answers.blocked[i];
    if (auto obstacle = creation_obstacle(in, missing, blocked, planned_names)) {
      findings.add({std::move(*obstacle)});
      continue;
    }
    const config::TableName name{in.settings.table.schema, missing.name};
    if (!missing.whole) {
      findings.add(
          Severity::info, "odd_bounds", name.text(),
          fmt::format("{} is not a whole interval of {}: it is what the partitions beside it "
                      "leave free",
                      range_text(missing.range), in.settings.interval.text()));
    }
    planned_names.insert(missing.name);
    result.push_back({{name, missing.range}, creation_reason(in, missing)});
  }
  return result;
}

/// One step each, so that one failing stops no other; but where the default must be locked and
/// others will be made to wait for it, all of them in one.
void plan_creation(const Inputs& in, std::vector<Step>& steps, FindingList& findings) {
  if (!may_create(in, findings)) return;
  const std::vector<Creation> wanted = creations(in, findings);
  if (wanted.empty()) return;
  add_pattern_findings(in.settings, in.answers.pattern, findings);
  const Urgency urgency =
      creation_urgency(in.settings, in.snapshot.now, wanted.front().partition.range.lower);
  const std::size_t first = steps.size();
  if (urgency == Urgency::forced && in.context.default_partition && !in.settings.create_function) {
    std::vector<NewPartition> partitions;
    for (const Creation& creation : wanted) {
      partitions.push_back(creation.partition);
    }
    steps.push_back(create_step(in.context, partitions, wanted.front().reason));
  } else {
    for (const Creation& creation : wanted) {
      steps.push_back(in.settings.create_function
                          ? create_by_function_step(in.context, creation.partition, creation.reason)
                          : create_step(in.context, {creation.partition}, creation.reason));
    }
  }
  for (std::size_t i = first; i < steps.size(); ++i) {
    set_urgency(steps[i], in.settings, urgency);
    // Rows already find no partition: there is nothing to be patient for.
    const bool is_late = wanted.front().partition.range.lower <= in.snapshot.now;
    if (is_late && urgency == Urgency::forced) steps[i].effort.patience = Duration{0};
  }
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

std::vector<Missing> missing_of(const config::Partition& settings, const Snapshot& snapshot,
                                const Draft& draft) {
  std::vector<Missing> result;
  const auto taken = taken_by(draft.members);
  for (const Gap& gap : gaps(settings.interval, settings.ahead, snapshot.now, taken)) {
    // What would expire at once is not worth creating.
    if (draft.retention && gap.range.upper <= draft.retention->cutoff) continue;
    result.push_back(Missing{gap.range, gap.whole,
                             partition_name(settings.name, settings.table.name, gap.range.lower)});
  }
  return result;
}

}  // namespace

Draft make_draft(const config::Partition& settings, const Snapshot& snapshot) {
  Draft draft;
  if (!table_findings(settings, snapshot.table).empty()) return draft;
  draft.key = key_type(snapshot.table.key_type);
  draft.members = layout(snapshot.partitions);
  draft.window = window(settings.interval, settings.ahead, snapshot.now);
  draft.covered_until = covered_until(cover_of(draft.members), snapshot.now);
  draft.retention = retention_in_effect(settings, snapshot.retention, snapshot.now);
  draft.missing = missing_of(settings, snapshot, draft);
  for (std::size_t i = 0; i < draft.members.size(); ++i) {
    if (is_expired(draft.members[i], draft.retention)) draft.expired.push_back(i);
  }
  return draft;
}

bool is_held(const config::Partition& settings, const Answers& answers, const Member& member) {
  if (settings.hold_query.empty()) return false;
  const auto hold = answers.holds.find(member.observed.oid);
  return hold == answers.holds.end() || hold->second.held;
}

task::Plan make_plan(const config::Partition& settings, const config::Journal& journal,
                     const Snapshot& snapshot, const Draft& draft, const Answers& answers) {
  task::Plan plan;
  plan.as_of = snapshot.now;
  if (!draft.key) {
    plan.findings = table_findings(settings, snapshot.table);
    // Otherwise the last good value would stand for ever.
    plan.samples = {{telemetry::Metric::partition_window_seconds, {settings.table.text()}, 0}};
    return plan;
  }
  FindingList findings;
  if (snapshot.in_recovery) {
    findings.add(Severity::info, "in_recovery", settings.table.text(),
                 "the server is a standby: it is watched, nothing is changed");
  } else {
    StepContext context = context_of(settings, snapshot, draft, answers);
    if (journal.table && snapshot.journal_writable) {
      context.journal =
          JournalHead{*journal.table, snapshot.host, snapshot.plan_id, config::task_name(settings)};
    }
    const Inputs inputs{settings, snapshot, draft, answers, context};
    plan_creation(inputs, plan.steps, findings);
    add_journal_finding(settings, journal, snapshot, findings);
    if (snapshot.journal_writable || !journal.required) {
      plan_retirement(inputs, plan.steps, findings);
    }
    findings.add(retention_findings(settings, snapshot.retention));
  }
  add_layout_findings(settings, snapshot, draft, findings);
  plan.findings = findings.take();
  plan.samples = gauges(settings, snapshot, draft, answers);
  plan.details = details(settings, snapshot, draft);
  return plan;
}

}  // namespace pgcaretaker::partition
