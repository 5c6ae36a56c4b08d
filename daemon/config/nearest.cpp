// SPDX-License-Identifier: Apache-2.0
// Edit distance and what counts as near.
#include "config/nearest.hpp"

#include <algorithm>

namespace pgcaretaker::config {

namespace {

constexpr std::size_t longest_word = 64;  // no key is longer; the table of distances stays small
constexpr std::size_t shortest_stem = 4;  // "log" begins many words, "password" few
constexpr std::size_t letters_per_slip = 3;

bool shares_stem(std::string_view word, std::string_view candidate) {
  return std::min(word.size(), candidate.size()) >= shortest_stem &&
         (word.starts_with(candidate) || candidate.starts_with(word));
}

}  // namespace

std::size_t edit_distance(std::string_view left, std::string_view right) {
  std::vector<std::size_t> before_last;
  std::vector<std::size_t> last(right.size() + 1);
  for (std::size_t j = 0; j <= right.size(); ++j) {
    last[j] = j;
  }
  for (std::size_t i = 1; i <= left.size(); ++i) {
    std::vector<std::size_t> row(right.size() + 1, i);
    for (std::size_t j = 1; j <= right.size(); ++j) {
      const std::size_t replaced = last[j - 1] + (left[i - 1] == right[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, replaced});
      if (i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1]) {
        row[j] = std::min(row[j], before_last[j - 2] + 1);
      }
    }
    before_last = std::move(last);
    last = std::move(row);
  }
  return last.back();
}

std::optional<std::string> nearest(std::string_view word,
                                   const std::vector<std::string>& candidates) {
  if (word.size() > longest_word) {
    return std::nullopt;
  }
  const std::string* best = nullptr;
  std::size_t best_distance = std::max<std::size_t>(1, word.size() / letters_per_slip) + 1;
  for (const std::string& candidate : candidates) {
    const std::size_t distance = edit_distance(word, candidate);
    if (distance < best_distance) {
      best = &candidate;
      best_distance = distance;
    }
  }
  if (best == nullptr) {
    const auto stem =
        std::find_if(candidates.begin(), candidates.end(),
                     [&](const auto& candidate) { return shares_stem(word, candidate); });
    best = stem == candidates.end() ? nullptr : &*stem;
  }
  return best == nullptr ? std::nullopt : std::optional{*best};
}

}  // namespace pgcaretaker::config
