// SPDX-License-Identifier: Apache-2.0
// The text form of every setting that TOML holds as a string: one pair of functions a type.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/settings.hpp"
#include "config/words.hpp"

namespace pgcaretaker::config {

/// Reads `text` into `value`. Returns what is wrong with it, "" = nothing; then `value` is set.
[[nodiscard]] std::string read_value(std::string_view text, std::string& value);
[[nodiscard]] std::string read_value(std::string_view text, Duration& value);
[[nodiscard]] std::string read_value(std::string_view text, Interval& value);
[[nodiscard]] std::string read_value(std::string_view text, UtcTime& value);
[[nodiscard]] std::string read_value(std::string_view text, TableName& value);

/// Says that `text` is none of `words` and which of them is near; an empty word is written "".
[[nodiscard]] std::string none_of(std::string_view text, const std::vector<std::string>& words);

template <Choice Type>
[[nodiscard]] std::string read_value(std::string_view text, Type& value) {
  std::vector<std::string> words;
  for (const auto& [choice, word] : Words<Type>::list) {
    if (word == text) {
      value = choice;
      return "";
    }
    words.emplace_back(word);
  }
  return none_of(text, words);
}

/// "" is nullopt.
template <class Type>
[[nodiscard]] std::string read_value(std::string_view text, std::optional<Type>& value) {
  if (text.empty()) {
    value.reset();
    return "";
  }
  return read_value(text, value.emplace());
}

/// The text that read_value() reads back to the same value.
[[nodiscard]] std::string write_value(const std::string& value);
[[nodiscard]] std::string write_value(Duration value);
[[nodiscard]] std::string write_value(const Interval& value);
[[nodiscard]] std::string write_value(UtcTime value);
[[nodiscard]] std::string write_value(const TableName& value);

template <Choice Type>
[[nodiscard]] std::string write_value(Type value) {
  return std::string{word_for(value)};
}

template <class Type>
[[nodiscard]] std::string write_value(const std::optional<Type>& value) {
  return value ? write_value(*value) : "";
}

}  // namespace pgcaretaker::config
