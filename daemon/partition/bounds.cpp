// SPDX-License-Identifier: Apache-2.0
// A small reader for the one form of bounds that partitions by one column have.
#include "partition/bounds.hpp"

#include <fmt/format.h>

namespace pgcaretaker::partition {

namespace {

/// Takes `(...)` off the front of `text` and gives what is inside.
std::optional<std::string_view> take_bracket(std::string_view& text) {
  const auto close = text.find(')');
  if (!text.starts_with('(') || close == std::string_view::npos) return std::nullopt;
  const std::string_view inner = text.substr(1, close - 1);
  text.remove_prefix(close + 1);
  return inner;
}

bool take(std::string_view& text, std::string_view word) {
  if (!text.starts_with(word)) return false;
  text.remove_prefix(word.size());
  return true;
}

struct EndTexts {
  std::string_view lower;
  std::string_view upper;
};

std::optional<EndTexts> ends_of(std::string_view text) {
  if (!take(text, "FOR VALUES FROM ")) return std::nullopt;
  const auto lower = take_bracket(text);
  if (!lower || !take(text, " TO ")) return std::nullopt;
  const auto upper = take_bracket(text);
  if (!upper || !text.empty()) return std::nullopt;
  return EndTexts{*lower, *upper};
}

std::optional<Position> end_position(const Key& key, std::string_view end) {
  if (end == "MINVALUE") return Position{UtcTime::min(), UtcTime::min(), false};
  if (end == "MAXVALUE") return Position{UtcTime::max(), UtcTime::max(), false};
  // Only an integer stands without quotes, and only one that is not negative.
  const bool is_bare = key.type == KeyType::integer && !end.starts_with('\'');
  if (is_bare) return position_of(key, end);
  // A second column's value or a doubled quote leaves a quote inside, which no value has.
  if (end.size() < 2 || end.front() != '\'' || end.back() != '\'') return std::nullopt;
  return position_of(key, end.substr(1, end.size() - 2));
}

}  // namespace

Bounds parse_bounds(std::string_view text, const Key& key) {
  if (text == "DEFAULT") return {BoundsForm::default_partition, {}, {}};
  const auto ends = ends_of(text);
  if (!ends) return {};
  const auto lower = end_position(key, ends->lower);
  const auto upper = end_position(key, ends->upper);
  if (!lower || !upper) return {};
  Bounds bounds{BoundsForm::range, {lower->floor, upper->ceiling}, {}};
  if (!lower->is_instant() || !upper->is_instant()) {
    bounds.form = BoundsForm::inexact;
    bounds.inner = TimeRange{lower->ceiling, upper->floor};
  }
  if (!lower->finite || !upper->finite) bounds.form = BoundsForm::unbounded;
  return bounds;
}

bool touches(std::string_view bounds, std::string_view next_bounds) {
  const auto first = ends_of(bounds);
  const auto second = ends_of(next_bounds);
  return first && second && first->upper == second->lower;
}

std::string bounds_clause(const Key& key, const TimeRange& range) {
  const std::string_view quote = key.type == KeyType::integer ? "" : "'";
  return fmt::format("FOR VALUES FROM ({0}{1}{0}) TO ({0}{2}{0})", quote,
                     bound_literal(key, range.lower), bound_literal(key, range.upper));
}

}  // namespace pgcaretaker::partition
