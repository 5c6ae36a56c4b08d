// SPDX-License-Identifier: Apache-2.0
// The checks that several sections share.
#include "config/check_parts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "config/dsn.hpp"
#include "config/duration.hpp"

namespace pgcaretaker::config {

void check_dsn(const std::string& key, const std::string& dsn, const char* instead,
               Complaints& complaints) {
  const DsnParts parts = dsn_parts(dsn);
  if (!parts.secrets.empty()) {
    complaints.push_back(
        {{key}, fmt::format("has a secret in it ({}), {}", parts.secrets.front().key, instead)});
  } else if (parts.unreadable_from != std::string_view::npos) {
    complaints.push_back(
        {{key},
         fmt::format("cannot be read from byte {} on, write \"host=... dbname=...\" or "
                     "\"postgresql://user@host/dbname\"",
                     parts.unreadable_from + 1)});
  }
}

void check_range(const std::string& key, int value, int low, int high, Complaints& complaints) {
  if (value < low || value > high) {
    complaints.push_back({{key}, fmt::format("must be from {} to {}, is {}", low, high, value)});
  }
}

void check_range(const std::string& key, Duration value, Duration low, Duration high,
                 Complaints& complaints) {
  if (value < low || value > high) {
    complaints.push_back({{key},
                          fmt::format("must be from {} to {}, is {}", duration_text(low),
                                      duration_text(high), duration_text(value))});
  }
}

void check_range(const std::string& key, double value, double low, double high,
                 Complaints& complaints) {
  const bool fits = value >= low && value <= high;  // never so for nan
  if (!fits) {
    complaints.push_back({{key}, fmt::format("must be from {} to {}, is {}", low, high, value)});
  }
}

void check_said(const std::string& key, const std::string& text, Complaints& complaints) {
  if (text.empty()) {
    complaints.push_back({{key}, "must be said and cannot be empty"});
  }
}

void check_said(const std::string& key, const TableName& table, Complaints& complaints) {
  check_said(key, table.name, complaints);
}

void check_query(const std::string& key, const std::string& sql, Complaints& complaints) {
  static constexpr std::array<std::string_view, 4> openings{"select", "with", "values", "table"};
  const auto begin = std::min(sql.find_first_not_of(" \t\r\n("), sql.size());
  std::string word;
  for (char c : sql.substr(begin, sql.find_first_of(" \t\r\n(", begin) - begin)) {
    word += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  if (!sql.empty() && std::find(openings.begin(), openings.end(), word) == openings.end()) {
    complaints.push_back({{key}, "must be a query, write SELECT ..."});
  }
}

}  // namespace pgcaretaker::config
