// SPDX-License-Identifier: Apache-2.0
// Refusals of moves and swaps.
#include "partition/rescue_refusal.hpp"

#include <fmt/format.h>

#include "partition/adopt_steps.hpp"
#include "partition/guard.hpp"
#include "partition/rescue_steps.hpp"

namespace pgcaretaker::partition {

namespace {

using task::Applied;
using task::Finding;
using task::Severity;
using task::Step;

Applied yielded(Severity severity, std::string code, const Step& step, std::string text) {
  Applied applied;
  applied.kind = Applied::Kind::yielded;
  applied.can_wait = severity == Severity::critical;
  applied.findings.push_back(Finding{severity, std::move(code), step.subject, std::move(text)});
  return applied;
}

bool is_plain_refusal(const pg::Error& error) {
  return error.kind() == pg::Error::Kind::refused && !error.is_connection_lost();
}

}  // namespace

Applied after_failed_rescue(const config::Partition& settings, const Step& step,
                            const FailedCheck& failed) {
  if (failed.statement == statement::move || failed.statement == statement::prove_moved) {
    return yielded(Severity::critical, "not_rescued", step,
                   "rolled back, since not as many rows arrived as left the default partition: a "
                   "trigger or rule of the default partition changes what is moved; set "
                   "default_partition = \"adopt\", or move them by hand");
  }
  return after_failed_check(settings, step, failed);
}

std::optional<Applied> after_refused_rescue(const config::Partition& settings, const Step& step,
                                            const pg::Error& error) {
  if (!is_plain_refusal(error) && !error.is_statement_timeout()) return std::nullopt;
  const bool is_move = error.statement() == statement::move;
  if (error.is_lock_timeout() || error.is_deadlock()) {
    Applied applied = yielded(Severity::warning, "lock_timeout", step,
                              "rolled back: somebody else has a row locked that was to be moved, "
                              "or the table; the next pass tries again");
    applied.can_wait = true;  // each try moves the rows again
    return applied;
  }
  if (is_move && error.is_statement_timeout()) {
    return yielded(Severity::critical, "not_rescued", step,
                   "rolled back: moving its rows out of the default partition took longer than "
                   "one transaction should; set default_partition = \"adopt\", or move them by "
                   "hand");
  }
  if (is_move) {
    return yielded(Severity::critical, "not_rescued", step,
                   fmt::format("its rows stay in the default partition, because PostgreSQL refused "
                               "to move them: {}; mend that, or set default_partition = \"adopt\", "
                               "which moves no row",
                               error.message()));
  }
  if (error.statement() == statement::attach && error.is_statement_timeout()) {
    return yielded(Severity::critical, "default_too_large", step,
                   "rolled back: PostgreSQL reads the whole default partition under a lock to "
                   "attach another, which took too long; VACUUM it, set default_partition = "
                   "\"adopt\", or move its rows by hand");
  }
  if (error.statement() == statement::validate_guard &&
      (error.is_check_violation() || error.is_statement_timeout())) {
    Applied applied =
        yielded(Severity::warning, "not_rescued", step,
                error.is_check_violation()
                    ? "there are rows that do not belong to its range; the next pass looks again"
                    : "reading the default partition to validate a CHECK on it took too long; "
                      "move its rows by hand");
    applied.can_wait = true;  // each try refuses rows for as long as it reads
    return applied;
  }
  return after_refusal(settings, step, error);
}

Finding guard_left(const Step& step) {
  const bool refuses = step.action == action::adopt;
  return Finding{refuses ? Severity::critical : Severity::warning, "guard_left", step.subject,
                 fmt::format("its guard {} still stands on the default partition, where it refuses "
                             "rows{}; the next pass drops it: {}",
                             guard_name, refuses ? "" : " of ranges that nobody writes yet",
                             taken_back(step).sql)};
}

}  // namespace pgcaretaker::partition
