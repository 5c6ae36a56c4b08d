// SPDX-License-Identifier: Apache-2.0
// The findings of one plan, so many of a kind and no more. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "partition/draft.hpp"
#include "task/finding.hpp"

namespace pgcaretaker::partition {

/// Collects findings; of each code only the first few are kept one by one, the rest is a number.
class FindingList {
 public:
  void add(task::Severity severity, std::string code, std::string subject, std::string text);
  void add(std::vector<task::Finding> findings);
  /// All of them, each cut-off code followed by "... and 17 more like this".
  [[nodiscard]] std::vector<task::Finding> take();

 private:
  std::vector<task::Finding> findings_;
  std::map<std::string, int> count_by_code_;
};

/// Why the table as a whole cannot be kept: missing, or not partitioned by range of one column that
/// tells the time. Critical, and nothing else can be said then. Empty = it can.
[[nodiscard]] std::vector<task::Finding> table_findings(const config::Partition& settings,
                                                        const ObservedTable& table);

/// Partitions that are left alone, pending detaches, rows in the default.
void add_layout_findings(const config::Partition& settings, const Snapshot& snapshot,
                         const Draft& draft, FindingList& findings);

/// That acts are not written down, or that nothing is retired because of that.
void add_journal_finding(const config::Partition& settings, const config::Journal& journal,
                         const Snapshot& snapshot, FindingList& findings);

/// What of the pattern new partitions will not get.
void add_pattern_findings(const config::Partition& settings, const Pattern& pattern,
                          FindingList& findings);

/// Rows that belong to `bounds` lie in the default; the same words whether seen beforehand or
/// refused by ATTACH.
[[nodiscard]] task::Finding default_blocks(const config::TableName& table,
                                           const std::string& partition, const std::string& bounds);

}  // namespace pgcaretaker::partition
