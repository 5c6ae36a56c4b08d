// SPDX-License-Identifier: Apache-2.0
// The parts of check(), one a kind of section, and what they share.
#pragma once

#include <string>

#include "config/check.hpp"

namespace pgcaretaker::config {

void check_database(const Database& database, Complaints& complaints);
void check_http(const Http& http, Complaints& complaints);
void check_archive(const Archive& archive, Complaints& complaints);
void check_partitions(const Settings& settings, Complaints& complaints);
void check_outboxes(const Settings& settings, Complaints& complaints);
void check_saturation(const Saturation& saturation, Complaints& complaints);

/// A password in a dsn, or a dsn that cannot be read; `instead` says where the password belongs.
void check_dsn(const std::string& key, const std::string& dsn, const char* instead,
               Complaints& complaints);

/// Complains unless low <= value <= high.
void check_range(const std::string& key, int value, int low, int high, Complaints& complaints);
void check_range(const std::string& key, Duration value, Duration low, Duration high,
                 Complaints& complaints);
void check_range(const std::string& key, double value, double low, double high,
                 Complaints& complaints);

/// Complains when `text` is empty.
void check_said(const std::string& key, const std::string& text, Complaints& complaints);
void check_said(const std::string& key, const TableName& table, Complaints& complaints);

/// Complains when `sql` is neither empty nor a query.
void check_query(const std::string& key, const std::string& sql, Complaints& complaints);

}  // namespace pgcaretaker::config
