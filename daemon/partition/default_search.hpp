// SPDX-License-Identifier: Apache-2.0
// The ranges that rows of the default partition belong to, found by an index on the key.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "partition/key.hpp"
#include "partition/look.hpp"

namespace pgcaretaker::partition {

/// What the looks of one search share.
struct Search {
  pg::Connection& connection;
  const config::Partition& settings;
  std::string source;  // the default, after FROM ONLY; its alias is d
  std::string column;  // d's key, quoted
  Key key;
  std::vector<TimeRange> taken;  // by partitions, merged
};

// One transaction each; what is left comes with the next pass.
inline constexpr std::size_t most_ranges = 100;

/// With its type, for SQL.
[[nodiscard]] std::string literal(const Search& search, UtcTime time);

/// The condition on d that its key tells a time of the calendar: of uuids those of version 7 do;
/// NULL, infinity and years beyond 9999 do not, and such rows stay where they are.
[[nodiscard]] std::string in_calendar(const Search& search);

[[nodiscard]] Stranded stranded_in(const Search& search, const TimeRange& range);

/// The taken range that `time` lies in; it must lie in one.
[[nodiscard]] const TimeRange& holder_of(const Search& search, UtcTime time);

/// What there is to say at the end: that there are more ranges, or a row in a taken one.
void close_search(bool is_misplaced, DefaultContents& contents);

/// The first and the last key, and whether rows are there that have no place in the calendar.
struct Ends {
  std::optional<UtcTime> first;  // nullopt = no row has one
  std::optional<UtcTime> last;
  bool odd_keys = false;
  std::string error;  // why they could not be told; "" = they were
};

/// Throws pg::Error only when the session is lost, as the one below. An index on the key makes both
/// cheap.
Awaitable<Ends> find_ends(const Search& search);

/// Fills in `stranded`, `complete` and `error`: one look each for the smallest key that is left.
/// Together they get a few seconds; what was not reached then comes with the next pass.
Awaitable<void> find_stranded(const Search& search, DefaultContents& contents);

}  // namespace pgcaretaker::partition
