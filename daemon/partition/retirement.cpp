// SPDX-License-Identifier: Apache-2.0
// Holds, owners, foreign keys and the number that may go at once.
#include "partition/retirement.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "config/duration.hpp"
#include "partition/chain.hpp"
#include "partition/retire_steps.hpp"
#include "partition/urgency.hpp"

namespace pgcaretaker::partition {

namespace {

using task::Severity;
using task::Step;

class Retirement {
 public:
  Retirement(const Inputs& in, std::vector<Step>& steps, FindingList& findings)
      : in_{in}, settings_{in.settings}, steps_{steps}, findings_{findings} {}

  void run() {
    for (const Member& member : in_.draft.members) {
      if (member.standing == Standing::detach_pending) finish(member);
    }
    for (const Marked& marked : in_.draft.detached) {
      go_on(marked);
    }
    if (can_retire(settings_)) retire_expired();
    for (const Member& member : in_.draft.members) {
      const auto mark = in_.draft.marks.find(member.observed.oid);
      const bool is_in = member.standing == Standing::regular && mark != in_.draft.marks.end();
      if (is_in) unmark(mark->second, "it is in the table, so our marker on it means nothing");
    }
    for (const Marked& marked : in_.draft.strayed) {
      unmark(marked, "it is in another table, so our marker on it means nothing");
    }
    say_not_asked();
    say_left();
  }

 private:
  /// What a killed DETACH ... CONCURRENTLY of ours has left.
  void finish(const Member& member) {
    const auto mark = in_.draft.marks.find(member.observed.oid);
    if (mark == in_.draft.marks.end() || !is_owned(member.observed) || !can_guard()) return;
    Retiree retiree = retiree_of(mark->second);
    retiree.reason = "an earlier pass was interrupted while it detached it";
    // Its grace begins when it is out of the table.
    const bool goes_on = drop_due(settings_, mark->second) && settings_.grace <= Duration{0} &&
                         is_expired(mark->second, in_.draft.retention);
    add(retiree, State::detaching, {true, goes_on && may_drop(retiree)}, Urgency::pressed);
  }

  /// A table of ours that is out of its parent.
  void go_on(const Marked& marked) {
    force_again(marked);
    const Facts facts = facts_of(settings_, in_.snapshot, in_.draft, in_.answers, marked);
    const State state = state_of(facts);
    const bool is_due_now =
        drop_due(settings_, marked) && partition::is_due(settings_, marked, in_.snapshot.now);
    if (state != State::bare && !is_due_now) return;
    Retiree retiree = retiree_of(marked);
    if (!is_owned(marked.observed) || (state == State::bare && !can_guard())) return;
    const bool goes_on = is_due_now && (state != State::bare || settings_.grace <= Duration{0});
    bool is_dropped = false;
    if (goes_on && !facts.expired) {
      say_kept(retiree, "it is not past its retention any more");
    } else if (goes_on) {
      is_dropped = may_drop(retiree);
    }
    retiree.reason = state == State::bare ? "an earlier pass was interrupted after it detached it"
                                          : reason_to_drop(marked);
    const Urgency urgency = state == State::bare ? Urgency::pressed : urgency_of(retiree.range);
    add(retiree, state, {true, is_dropped}, urgency);
  }

  /// Nobody else is to see or write what an archiver was killed over.
  void force_again(const Marked& marked) {
    if (!marked.is_lifted || !marked.marker.is_guarded() || !marked.observed.owned) return;
    if (!archives(settings_) || !settings_.created.row_security) return;
    Retiree retiree = retiree_of(marked);
    retiree.reason = "an earlier pass was interrupted while it archived it";
    steps_.push_back(force_step(in_.context, retiree));
    set_urgency(steps_.back(), settings_, Urgency::pressed);
  }

  void retire_expired() {
    const bool by_function = drops_by_function(settings_);
    if (!by_function && !may_detach()) return;
    for (const std::size_t index : in_.draft.expired) {
      const Member& member = in_.draft.members[index];
      if (taken_ >= settings_.max_drops) {
        leave(member.observed);
        continue;
      }
      if (!is_let_go(member.observed)) continue;
      if (!by_function && !is_owned(member.observed)) continue;
      if (by_function) {
        steps_.push_back(
            drop_by_function_step(in_.context, member, retention(), reason_of(member.range)));
        set_urgency(steps_.back(), settings_, urgency_of(member.range));
        ++taken_;
        continue;
      }
      Retiree retiree{member.observed, member.range, reason_of(member.range)};
      retiree.drops = drops(settings_);
      const auto mark = in_.draft.marks.find(member.observed.oid);
      if (mark != in_.draft.marks.end()) retiree.comment = mark->second.comment;
      const bool goes_on = retiree.drops && settings_.grace <= Duration{0};
      ++taken_;
      add(retiree, State::expired, {is_concurrent(), goes_on}, urgency_of(member.range));
      marked_.push_back(member.observed.oid);
    }
  }

  /// A marker that nothing came of, or of a table that somebody attached again, must not make ours
  /// what somebody else detaches later.
  void unmark(const Marked& marked, std::string reason) {
    const bool is_used = std::ranges::find(marked_, marked.observed.oid) != marked_.end();
    if (is_used || !marked.observed.owned) return;
    Retiree retiree = retiree_of(marked);
    retiree.reason = std::move(reason);
    for (Step& step : chain_steps(in_.context, retiree, in_.draft.retention, {Arrow::unmark})) {
      set_urgency(step, settings_, Urgency::relaxed);
      steps_.push_back(std::move(step));
    }
  }

  /// The detach and what follows it, or what follows it alone.
  void add(Retiree& retiree, State from, Circumstances circumstances, Urgency urgency) {
    const auto ties = in_.answers.ties.find(retiree.observed.oid);
    if (ties != in_.answers.ties.end()) retiree.ties = ties->second;
    circumstances.foreign_keys = retiree.ties.foreign_keys.size();
    circumstances.archives = archives(settings_);
    const std::vector<Arrow> acts = acts_from(from, circumstances);
    for (Step& step : chain_steps(in_.context, retiree, in_.draft.retention, acts)) {
      set_urgency(step, settings_, urgency);
      steps_.push_back(std::move(step));
    }
  }

  /// Its turn, and no hold.
  bool may_drop(const Retiree& retiree) {
    if (taken_ >= settings_.max_drops) {
      leave(retiree.observed);
      return false;
    }
    if (is_held(settings_, in_.answers, retiree.observed.oid)) {
      const auto hold = in_.answers.holds.find(retiree.observed.oid);
      if (hold == in_.answers.holds.end()) {
        ++not_asked_;
      } else if (hold->second.error.empty()) {
        say_kept(retiree, "hold_query keeps it");
      } else {
        findings_.add(Severity::critical, "hold_query_failed", retiree.observed.name.text(),
                      "detached, but not dropped because hold_query failed: " + hold->second.error);
      }
      return false;
    }
    ++taken_;
    return true;
  }

  void say_kept(const Retiree& retiree, std::string_view why) {
    findings_.add(Severity::warning, "detached_kept", retiree.observed.name.text(),
                  fmt::format("detached, but not dropped, since {}; to have its rows back in the "
                              "table: {}",
                              why, attach_again_sql(in_.context, retiree)));
  }

  /// Holds are said once each; a partition nobody asked about is counted only.
  bool is_let_go(const ObservedPartition& partition) {
    if (!is_held(settings_, in_.answers, partition.oid)) return true;
    const auto hold = in_.answers.holds.find(partition.oid);
    if (hold == in_.answers.holds.end()) {
      ++not_asked_;
      return false;
    }
    const std::string& error = hold->second.error;
    if (error.empty()) {
      findings_.add(Severity::info, "held", partition.name.text(),
                    "expired, but hold_query keeps it");
    } else {
      findings_.add(Severity::critical, "hold_query_failed", partition.name.text(),
                    "expired, but kept because hold_query failed: " + error);
    }
    return false;
  }

  /// Whether anything at all can be detached.
  bool may_detach() {
    if (in_.draft.expired.empty()) return true;
    if (!in_.context.referencing.empty()) {
      std::string tables;
      add_names(tables, in_.context.referencing);
      findings_.add(Severity::critical, "referenced", settings_.table.text(),
                    fmt::format("expired partitions stay, because foreign keys of {} point to it: "
                                "DETACH would read and lock these tables, and be refused while "
                                "rows point to the partition; drop the foreign keys, or set "
                                "drop_function with expire = \"drop\"",
                                tables.substr(2)));
      return false;
    }
    return can_guard();
  }

  bool can_guard() {
    if (!settings_.created.triggers || in_.context.pattern.error.empty()) return true;
    findings_.add(Severity::warning, "pattern_unreadable", settings_.table.text(),
                  "nothing is detached, since the triggers that a detached table needs could not "
                  "be read: " +
                      in_.context.pattern.error);
    return false;
  }

  bool is_owned(const ObservedPartition& partition) {
    if (in_.snapshot.table.owned && partition.owned) return true;
    findings_.add(Severity::critical, "not_owner", partition.name.text(),
                  fmt::format("expired, but role {} does not own it and its parent: grant it their "
                              "owner's role, or set drop_function with expire = \"drop\"",
                              in_.snapshot.role));
    return false;
  }

  /// Where DETACH ... CONCURRENTLY is allowed, where nothing has to be asked in its transaction,
  /// and where it locks nothing but the table: a lock on a table that foreign keys point to would
  /// be waited for without a timeout.
  [[nodiscard]] bool is_concurrent() const {
    return !in_.context.default_partition && settings_.hold_query.empty() &&
           !retention().shortened && in_.context.referenced.empty();
  }

  [[nodiscard]] Retiree retiree_of(const Marked& marked) const {
    Retiree retiree{marked.observed, marked.range, ""};
    retiree.drops = marked.marker.drops;
    retiree.comment = marked.comment;
    return retiree;
  }

  [[nodiscard]] const Retention& retention() const { return *in_.draft.retention; }

  [[nodiscard]] std::string reason_of(const TimeRange& range) const {
    return fmt::format("upper bound {} is older than {}{}", time_text(range.upper),
                       config::duration_text(retention().keep),
                       retention().shortened ? " (retention_query)" : "");
  }

  [[nodiscard]] std::string reason_to_drop(const Marked& marked) const {
    if (!is_expired(marked, in_.draft.retention)) return {};
    const std::string grace =
        settings_.grace > Duration{0}
            ? fmt::format(", its grace of {} is over", config::duration_text(settings_.grace))
            : "";
    return fmt::format("detached {}{}, and its {}",
                       time_text(std::chrono::floor<std::chrono::seconds>(marked.marker.since)),
                       grace, reason_of(marked.range));
  }

  [[nodiscard]] Urgency urgency_of(const TimeRange& range) const {
    return in_.draft.retention ? retirement_urgency(range, retention().cutoff) : Urgency::relaxed;
  }

  void say_not_asked() {
    if (not_asked_ == 0 || taken_ >= settings_.max_drops) return;
    if (in_.answers.holds_cut_short) {
      findings_.add(Severity::warning, "hold_query_slow", settings_.table.text(),
                    fmt::format("hold_query took too long to be asked about {} of the expired "
                                "partitions, which stay: make it faster; the next pass asks about "
                                "others of them",
                                not_asked_));
      return;
    }
    findings_.add(Severity::info, "held", settings_.table.text(),
                  fmt::format("{} more expired partitions wait behind those that hold_query keeps",
                              not_asked_));
  }

  /// To a later pass, unless it is known to be held.
  void leave(const ObservedPartition& partition) {
    const auto hold = in_.answers.holds.find(partition.oid);
    if (hold == in_.answers.holds.end() || !hold->second.held) ++left_;
  }

  /// How many are past their retention all in all: as true before these steps as while they go.
  void say_left() {
    if (is_paused(settings_)) {
      const int left = left_ + static_cast<int>(in_.draft.expired.size());
      findings_.add(Severity::info, "retention_paused", settings_.table.text(),
                    fmt::format("max_drops = 0: nothing is detached, archived or dropped; {} "
                                "partition{} past retention",
                                left, left == 1 ? " is" : "s are"));
    } else if (left_ > 0) {
      findings_.add(Severity::info, "retention_backlog", settings_.table.text(),
                    fmt::format("{} partitions are past retention; max_drops = {} a pass",
                                taken_ + left_, settings_.max_drops));
    }
  }

  const Inputs& in_;
  const config::Partition& settings_;
  std::vector<Step>& steps_;
  FindingList& findings_;
  std::vector<std::int64_t> marked_;  // whose marker this plan writes
  int taken_ = 0;                     // partitions that go in this pass
  int left_ = 0;                      // for later passes
  int not_asked_ = 0;
};

}  // namespace

bool is_held(const config::Partition& settings, const Answers& answers, std::int64_t oid) {
  if (settings.hold_query.empty()) return false;
  const auto hold = answers.holds.find(oid);
  return hold == answers.holds.end() || hold->second.held;
}

Facts facts_of(const config::Partition& settings, const Snapshot& snapshot, const Draft& draft,
               const Answers& answers, const Marked& marked) {
  Facts facts;
  facts.attached = false;
  facts.marked = true;
  facts.guarded = marked.marker.is_guarded();
  facts.archived = archives(settings) && marked.marker.state == MarkerState::archived;
  facts.expired = is_expired(marked, draft.retention);
  facts.held = is_held(settings, answers, marked.observed.oid);
  facts.due = is_due(settings, marked, snapshot.now);
  return facts;
}

void plan_retirement(const Inputs& in, std::vector<Step>& steps, FindingList& findings) {
  Retirement{in, steps, findings}.run();
}

}  // namespace pgcaretaker::partition
