// SPDX-License-Identifier: Apache-2.0
// A kind's own part of /status, which becomes JSON only when somebody asks for it.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <utility>

namespace pgcaretaker::task {

/// What a pass has seen. Thousands of partitions as JSON cost more than all else in a pass with
/// nothing to do, and hardly any pass is looked at. Copies share the facts, which nobody changes.
class Details {
 public:
  using Make = std::function<nlohmann::ordered_json()>;

  Details() = default;  // null: nothing was seen
  explicit Details(nlohmann::ordered_json json);
  /// `make` owns what it reads, asks no database, and gives the same at every call.
  explicit Details(Make make) : make_{std::move(make)} {}

  [[nodiscard]] bool is_null() const { return !make_; }
  /// Made anew by each call.
  [[nodiscard]] nlohmann::ordered_json json() const;

 private:
  Make make_;
};

}  // namespace pgcaretaker::task
