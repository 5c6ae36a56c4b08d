// SPDX-License-Identifier: Apache-2.0
// Expected refusals, each with what to tell.
#include "partition/refusal.hpp"

#include <fmt/format.h>

#include "config/duration.hpp"
#include "partition/adopt_steps.hpp"
#include "partition/findings.hpp"
#include "partition/rescue_steps.hpp"
#include "partition/steps.hpp"
#include "partition/urgency.hpp"

namespace pgcaretaker::partition {

namespace {

using task::Applied;
using task::Finding;
using task::Severity;
using task::Step;

Applied yielded(Finding finding) {
  Applied applied;
  applied.kind = Applied::Kind::yielded;
  applied.can_wait = finding.severity == Severity::critical;
  applied.findings.push_back(std::move(finding));
  return applied;
}

Finding finding_of(Severity severity, std::string code, const Step& step, std::string text) {
  return Finding{severity, std::move(code), step.subject, std::move(text)};
}

bool creates(const Step& step) {
  return step.action == action::create || step.action == action::drain ||
         step.action == action::adopt;
}

/// Somebody else made this name or this range first: 42P07, 42710, a catalog's unique index
/// (23505), or "would overlap partition" and "is already a partition" (42P17, 42809).
bool lost_creation_race(const pg::Error& error) {
  const std::string& code = error.sqlstate();
  return error.is_duplicate_object() || code == "23505" || code == "42P17" || code == "42809";
}

/// Our own statements name only the table and its partition; a function's errors are its own.
bool is_own_ddl(const pg::Error& error) {
  return error.statement() != statement::create_function &&
         error.statement() != statement::drop_function && error.statement() != statement::hold &&
         error.statement() != statement::retention && error.statement() != statement::journal;
}

}  // namespace

Applied after_failed_check(const config::Partition& settings, const Step& step,
                           const FailedCheck& failed) {
  if (failed.statement == statement::retention) {
    return yielded(finding_of(Severity::info, "changed_meanwhile", step,
                              "not expired by what retention_query says by now"));
  }
  if (failed.statement == statement::hold) {
    return yielded(
        finding_of(Severity::info, "held", step, "expired, but hold_query keeps it by now"));
  }
  if (failed.statement == statement::verify_created) {
    return yielded(finding_of(
        Severity::critical, "function_without_effect", step,
        fmt::format(
            "{} returned, but no partition {} is attached, so its work was rolled back: make it "
            "create exactly this range, or take create_function out",
            settings.create_function.value_or(config::TableName{}).text(), planned_bounds(step))));
  }
  if (failed.statement == statement::verify_dropped) {
    return yielded(finding_of(
        Severity::critical, "function_without_effect", step,
        fmt::format("{} returned, but the partition still exists: make it drop the partition it is "
                    "given, or take drop_function out",
                    settings.drop_function.value_or(config::TableName{}).text())));
  }
  return yielded(
      finding_of(Severity::info, "changed_meanwhile", step,
                 fmt::format("{} not done: it is no longer what was planned; the next pass "
                             "looks again",
                             step.action)));
}

Applied come_back(const Step& step, Severity severity, std::string code, std::string text) {
  Applied applied = yielded(finding_of(severity, std::move(code), step, std::move(text)));
  applied.can_wait = true;
  return applied;
}

Applied lock_not_granted(const Step& step, const pg::LockSpent& spent) {
  const pg::LockEffort& effort = step.effort;
  if (spent.was_stopped) {
    return yielded(finding_of(Severity::info, "lock_search_stopped", step,
                              fmt::format("{} not done: stopped while it waited for its lock ({})",
                                          step.action, step.lock)));
  }
  const bool is_relaxed = step.urgency == urgency_text(Urgency::relaxed);
  const bool is_forced = step.urgency == urgency_text(Urgency::forced);
  const std::string looked =
      effort.patience.count() > 0
          ? fmt::format(" after {} of looking for a moment without anyone in the way",
                        config::duration_text(effort.patience))
          : "";
  const std::string result =
      spent.was_spared
          ? fmt::format(
                "is not asked for again while somebody is there for whom it was asked for up to {} "
                "in vain",
                config::duration_text(effort.insistence.back()))
      : effort.insistence.empty()
          ? fmt::format("was not asked for{}, since there is time", looked)
          : fmt::format("was asked for, up to {}, in vain{}",
                        config::duration_text(effort.insistence.back()), looked);
  const Severity severity = is_forced    ? Severity::critical
                            : is_relaxed ? Severity::info
                                         : Severity::warning;
  Applied applied = yielded(finding_of(
      severity, "lock_timeout", step,
      fmt::format("{} not done: its lock ({}) {}; in the way when last looked for: {}; the next "
                  "pass tries again",
                  step.action, step.lock, result, pg::holders_text(spent.holders))));
  applied.can_wait = is_relaxed;
  const bool was_forced = is_forced && !spent.was_spared && !effort.insistence.empty();
  if (was_forced) applied.waited_in_vain = effort.insistence.back();
  return applied;
}

namespace {

/// DETACH ... CONCURRENTLY has its own ways not to succeed.
std::optional<Applied> after_concurrent_refusal(const Step& step, const pg::Error& error) {
  if (error.is_connection_lost()) return std::nullopt;
  if (error.is_statement_timeout()) {
    return yielded(finding_of(
        Severity::warning, "detach_interrupted", step,
        "not detached: transactions that use the table lasted longer than could be waited for; "
        "where it is half detached, the next pass finishes it"));
  }
  // Another detach is pending in this table, or a default partition has come.
  if (error.sqlstate() == "55000" || error.sqlstate() == "42P01") {
    return yielded(finding_of(Severity::info, "changed_meanwhile", step,
                              "detach not done; the next pass looks again: " + error.message()));
  }
  return std::nullopt;
}

}  // namespace

std::optional<Applied> after_refusal(const config::Partition& settings, const Step& step,
                                     const pg::Error& error) {
  if (error.statement() == statement::detach_concurrently) {
    return after_concurrent_refusal(step, error);
  }
  if (error.is_lock_timeout() || error.is_deadlock()) return std::nullopt;
  if (creates(step) && error.statement() == statement::attach && error.is_statement_timeout() &&
      !error.is_connection_lost()) {
    Applied applied = yielded(finding_of(
        Severity::critical, "default_too_large", step,
        "not attached: PostgreSQL reads the whole default partition under a lock for it, which "
        "took too long; move the rows of the default partition into partitions of their own"));
    applied.stops_action = true;  // each further attempt would cost its writers as much
    return applied;
  }
  if (error.statement() == statement::hold && error.kind() == pg::Error::Kind::refused &&
      !error.is_connection_lost()) {
    return yielded(finding_of(Severity::critical, "hold_query_failed", step,
                              "expired, but kept because hold_query failed: " + error.message()));
  }
  if (error.statement() == statement::retention && error.kind() == pg::Error::Kind::refused &&
      !error.is_connection_lost()) {
    return yielded(finding_of(
        Severity::warning, "retention_query", step,
        "kept because retention_query, which says that it is expired, failed: " + error.message()));
  }
  if (creates(step) && error.is_check_violation()) {
    return yielded(default_blocks(settings.table, step.subject, planned_bounds(step)));
  }
  if (creates(step) && is_own_ddl(error) && lost_creation_race(error)) {
    return yielded(
        finding_of(Severity::info, "changed_meanwhile", step,
                   "another session created it, or its range, first; the next pass looks "
                   "again: " +
                       error.message()));
  }
  if (!creates(step) && is_own_ddl(error) && error.sqlstate() == "42P01") {
    Applied applied;
    applied.kind = Applied::Kind::nothing;
    return applied;
  }
  return std::nullopt;
}

}  // namespace pgcaretaker::partition
