// SPDX-License-Identifier: Apache-2.0
// Statement parameters as libpq wants them: text or null. Types are PostgreSQL's to infer.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "async/time.hpp"

namespace pgcaretaker::pg {

/// Throws std::invalid_argument when the text holds a NUL.
[[nodiscard]] std::string param_text(std::string_view value);
[[nodiscard]] std::string param_text(const char* value);  // else a pointer would become a bool
[[nodiscard]] std::string param_text(UtcTime value);
[[nodiscard]] std::string param_text(bool value);
[[nodiscard]] std::string param_text(double value);
/// Array literals: {"a","b"} and {1,2}.
[[nodiscard]] std::string param_text(const std::vector<std::string>& values);
[[nodiscard]] std::string param_text(const std::vector<std::int64_t>& values);
template <std::integral T>
[[nodiscard]] std::string param_text(T value) {
  return std::to_string(value);
}

/// A class with a constructor on purpose: aggregates inside a co_await break g++ 12.
class Params {
 public:
  template <class... Args>
  static Params pack(const Args&... args) {
    Params params;
    (params.add(args), ...);
    return params;
  }

  /// Values that are text already.
  static Params of(const std::vector<std::string>& texts) {
    Params params;
    params.values_.assign(texts.begin(), texts.end());
    return params;
  }

  template <class T>
  void add(const T& value) {
    values_.emplace_back(param_text(value));
  }
  template <class T>
  void add(const std::optional<T>& value) {
    if (value) {
      add(*value);
    } else {
      values_.emplace_back(std::nullopt);
    }
  }

  void add(std::nullopt_t) { values_.emplace_back(std::nullopt); }

  [[nodiscard]] const std::vector<std::optional<std::string>>& values() const { return values_; }

 private:
  std::vector<std::optional<std::string>> values_;
};

}  // namespace pgcaretaker::pg
