// SPDX-License-Identifier: Apache-2.0
// Puts the plan together: rescue frees ranges, then creation, then retirement.
#include "partition/plan.hpp"

#include <iterator>

#include "partition/creation.hpp"
#include "partition/details.hpp"
#include "partition/findings.hpp"
#include "partition/key_choice.hpp"
#include "partition/rescue.hpp"
#include "partition/retirement.hpp"

namespace pgcaretaker::partition {

namespace {

using task::Severity;

StepContext context_of(const config::Partition& settings, const Snapshot& snapshot,
                       const Draft& draft, const Answers& answers) {
  StepContext context{settings, snapshot.table.oid, draft.key.value_or(Key{}), {}};
  context.referenced = snapshot.table.referenced;
  context.referencing = snapshot.table.referencing;
  if (snapshot.table.owner != snapshot.role) context.owner = snapshot.table.owner;
  context.key_column = snapshot.table.key_column;
  context.pattern = answers.pattern;
  context.plan_id = snapshot.plan_id;
  for (const Member& member : draft.members) {
    if (member.standing == Standing::default_partition) {
      context.default_partition = member.observed;
    }
  }
  return context;
}

void append(std::vector<task::Step>& to, std::vector<task::Step> from) {
  std::move(from.begin(), from.end(), std::back_inserter(to));
}

}  // namespace

task::Plan make_plan(const config::Partition& settings, const config::Journal& journal,
                     const Snapshot& snapshot, const Draft& draft, const Answers& answers) {
  task::Plan plan;
  plan.as_of = snapshot.now;
  if (!draft.key) {
    plan.findings = draft.obstacles;
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
      context.journal = JournalHead{*journal.table, snapshot.host, snapshot.plan_id,
                                    config::task_name(settings), journal.required};
    }
    context.lacks_journal = journal.required && !context.journal;
    const Inputs inputs{settings, snapshot, draft, answers, context};
    Rescue rescue = plan_rescue(inputs, findings);
    append(plan.steps, std::move(rescue.first));
    plan_creation(inputs, rescue.ranges, plan.steps, findings);
    append(plan.steps, std::move(rescue.afterwards));
    if (!plan.steps.empty()) add_pattern_findings(settings, answers.pattern, findings);
    add_journal_finding(settings, journal, snapshot, findings);
    if (!context.lacks_journal) plan_retirement(inputs, plan.steps, findings);
    append(plan.steps, std::move(rescue.last));
    findings.add(retention_findings(settings, snapshot.retention));
  }
  add_span_finding(settings, draft, snapshot.now, findings);
  add_layout_findings(settings, snapshot, draft, findings);
  plan.findings = findings.take();
  plan.samples = gauges(settings, snapshot, draft, answers);
  plan.details = details(settings, snapshot, draft, answers);
  return plan;
}

}  // namespace pgcaretaker::partition
