// SPDX-License-Identifier: Apache-2.0
// What queries that answer in JSON have in common.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace pgcaretaker::partition {

/// json_agg() over no row is null.
inline std::vector<std::string> words_of(const nlohmann::json& from, const char* key) {
  return from.at(key).is_null() ? std::vector<std::string>{}
                                : from.at(key).get<std::vector<std::string>>();
}

}  // namespace pgcaretaker::partition
