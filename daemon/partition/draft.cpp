// SPDX-License-Identifier: Apache-2.0
// What is missing from the window, and what is past its time.
#include "partition/draft.hpp"

#include "partition/findings.hpp"
#include "partition/key_choice.hpp"
#include "partition/name.hpp"
#include "partition/window.hpp"

namespace pgcaretaker::partition {

namespace {

std::vector<Missing> missing_of(const config::Partition& settings, const Snapshot& snapshot,
                                const Draft& draft) {
  std::vector<Missing> result;
  const auto taken = taken_by(draft.members, draft.key.value());
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
  draft.obstacles = table_findings(settings, snapshot.table);
  if (!draft.obstacles.empty()) return draft;
  const Key key = with_tail_of(choose_key(settings, snapshot.table).key, snapshot.partitions);
  std::vector<Member> members = layout(snapshot.partitions, key);
  draft.obstacles = unit_findings(settings, key, members, snapshot.now);
  if (!draft.obstacles.empty()) return draft;
  draft.key = key;
  draft.members = std::move(members);
  draft.window = window(settings.interval, settings.ahead, snapshot.now);
  draft.covered_until = covered_until(cover_of(draft.members), snapshot.now);
  draft.retention = retention_in_effect(settings, snapshot.retention, snapshot.now);
  draft.missing = missing_of(settings, snapshot, draft);
  for (std::size_t i = 0; i < draft.members.size(); ++i) {
    if (is_expired(draft.members[i], draft.retention)) draft.expired.push_back(i);
  }
  draft.detached = marked_tables(snapshot, key, AttachedTo::nothing);
  draft.strayed = marked_tables(snapshot, key, AttachedTo::another_table);
  for (Marked& marked : marked_tables(snapshot, key, AttachedTo::our_table)) {
    const std::int64_t oid = marked.observed.oid;
    draft.marks.emplace(oid, std::move(marked));
  }
  return draft;
}

}  // namespace pgcaretaker::partition
