// SPDX-License-Identifier: Apache-2.0
// Limits and contradictions of [[outbox]].
#include <fmt/format.h>

#include "config/check_parts.hpp"
#include "config/document.hpp"
#include "config/duration.hpp"

namespace pgcaretaker::config {

namespace {

using namespace std::chrono_literals;

/// done or dead, as far as they are alike.
template <class State>
void check_state(const std::string& key, const State& state, const Outbox& outbox,
                 Complaints& complaints) {
  check_said(child_key(key, "where"), state.where, complaints);
  check_said(child_key(key, "since"), state.since, complaints);
  check_range(child_key(key, "keep"), state.keep, 0s, longest_duration, complaints);
  if (!state.where.empty() && state.where == outbox.pending) {
    complaints.push_back(
        {{child_key(key, "where")}, "names the same rows as pending, they would be taken away"});
  }
}

void check_archive(const std::string& key, const TableName& archive, const Settings& settings,
                   const Outbox& outbox, Complaints& complaints) {
  if (archive == outbox.table) {
    complaints.push_back({{key}, "is the outbox itself, name another table"});
  }
  if (archive == settings.journal.table) {
    complaints.push_back({{key, "journal.table"}, "is the journal, name another table"});
  }
}

void check_done(const std::string& key, const Settings& settings, const Outbox& outbox,
                Complaints& complaints) {
  const OutboxDone& done = *outbox.done;
  check_state(key, done, outbox, complaints);
  if (done.action == DoneAction::archive && !done.archive_table) {
    complaints.push_back({{child_key(key, "archive_table"), child_key(key, "action")},
                          "action \"archive\" needs archive_table"});
  }
  if (done.archive_table) {
    check_archive(child_key(key, "archive_table"), *done.archive_table, settings, outbox,
                  complaints);
  }
}

void check_dead(const std::string& key, const Settings& settings, const Outbox& outbox,
                Complaints& complaints) {
  const OutboxDead& dead = *outbox.dead;
  check_state(key, dead, outbox, complaints);
  check_range(child_key(key, "requeue_limit"), dead.requeue_limit, 1, 1000, complaints);
  if (dead.action == DeadAction::requeue && dead.requeue_set.empty()) {
    complaints.push_back({{child_key(key, "requeue_set"), child_key(key, "action")},
                          "action \"requeue\" needs requeue_set, for example \"attempts = 0\""});
  }
  if (dead.action == DeadAction::archive) {
    check_archive(child_key(key, "archive_table"), dead.archive_table, settings, outbox,
                  complaints);
  }
}

void check_outbox(const std::string& key, const Settings& settings, const Outbox& outbox,
                  Complaints& complaints) {
  check_said(child_key(key, "table"), outbox.table, complaints);
  check_said(child_key(key, "key"), outbox.key, complaints);
  check_said(child_key(key, "pending"), outbox.pending, complaints);
  check_said(child_key(key, "pending_since"), outbox.pending_since, complaints);
  check_range(child_key(key, "every"), outbox.every, 1s, std::chrono::days{31}, complaints);
  if (settings.journal.table == outbox.table) {
    complaints.push_back({{child_key(key, "table"), "journal.table"}, "is the journal itself"});
  }
  if (outbox.done) {
    check_done(child_key(key, "done"), settings, outbox, complaints);
  }
  if (outbox.dead) {
    check_dead(child_key(key, "dead"), settings, outbox, complaints);
  }
  if (outbox.done && outbox.dead && !outbox.dead->where.empty() &&
      outbox.done->where == outbox.dead->where) {
    complaints.push_back(
        {{key + ".dead.where", key + ".done.where"}, "done and dead name the same rows"});
  }
}

}  // namespace

void check_outboxes(const Settings& settings, Complaints& complaints) {
  for (std::size_t i = 0; i < settings.outboxes.size(); ++i) {
    const Outbox& outbox = settings.outboxes[i];
    const std::string key = element_key("outbox", i);
    check_outbox(key, settings, outbox, complaints);
    for (std::size_t j = 0; j < i; ++j) {
      const std::string other_key = element_key("outbox", j);
      if (!outbox.table.name.empty() && settings.outboxes[j].table == outbox.table) {
        complaints.push_back(
            {{child_key(key, "table"), child_key(other_key, "table")},
             fmt::format("{} is swept twice, see {}", outbox.table.text(), other_key)});
      }
    }
  }
}

}  // namespace pgcaretaker::config
