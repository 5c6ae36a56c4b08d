// SPDX-License-Identifier: Apache-2.0
// Which kind of key a table has by its column and the settings, and whether that can be true. Pure.
#pragma once

#include <string>
#include <vector>

#include "config/settings.hpp"
#include "partition/draft.hpp"
#include "partition/findings.hpp"
#include "partition/key.hpp"

namespace pgcaretaker::partition {

struct KeyChoice {
  Key key{};
  std::string problem{};  // why the column cannot be the key, and what to do; "" = it can
};

[[nodiscard]] KeyChoice choose_key(const config::Partition& settings, const ObservedTable& table);

/// A key of uuids, with the tail that most bounds of the set have.
[[nodiscard]] Key with_tail_of(Key key, const std::vector<ObservedPartition>& partitions);

/// Numbers say nothing about their unit: read in a wrong one, all partitions look past their time.
/// Critical when there are some and none is near now. Empty = nothing speaks against the settings.
[[nodiscard]] std::vector<task::Finding> unit_findings(const config::Partition& settings,
                                                       const Key& key,
                                                       const std::vector<Member>& members,
                                                       UtcTime now);

/// That the window reaches beyond what the key can hold.
void add_span_finding(const config::Partition& settings, const Draft& draft, UtcTime now,
                      FindingList& findings);

}  // namespace pgcaretaker::partition
