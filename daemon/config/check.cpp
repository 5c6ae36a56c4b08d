// SPDX-License-Identifier: Apache-2.0
// The checks of the sections that stand alone, and the order of all.
#include "config/check.hpp"

#include <fmt/format.h>

#include <charconv>

#include "config/check_parts.hpp"
#include "config/duration.hpp"
#include "config/toml_text.hpp"

namespace pgcaretaker::config {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t longest_socket_path = 107;  // sun_path less its NUL
constexpr std::size_t longest_identifier = 63;    // NAMEDATALEN - 1

bool is_port(std::string_view text) {
  unsigned value = 0;
  const auto* last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, value);
  return error == std::errc{} && end == last && value <= 65535;
}

bool is_host(std::string_view text) {
  if (text.starts_with('[')) {
    return text.ends_with(']') && text.find(':') != std::string_view::npos &&
           text.find_first_not_of("0123456789abcdefABCDEF:.", 1) == text.size() - 1;
  }
  static constexpr std::string_view name_characters =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
  return !text.empty() && text.find_first_not_of(name_characters) == std::string_view::npos;
}

bool is_listen(std::string_view text) {
  const auto colon = text.rfind(':');
  return colon != std::string_view::npos && is_host(text.substr(0, colon)) &&
         is_port(text.substr(colon + 1));
}

}  // namespace

void check_database(const Database& database, Complaints& complaints) {
  check_dsn("database.dsn", database.dsn, "put it into a file and name that in password_file",
            complaints);
  check_range("database.connections", database.connections, 1, 64, complaints);
  check_range("database.connect_timeout", database.connect_timeout, 100ms, 5min, complaints);
  check_range("database.statement_timeout", database.statement_timeout, 100ms, 24h, complaints);
  check_range("database.idle_in_transaction_timeout", database.idle_in_transaction_timeout, 100ms,
              24h, complaints);
  if (database.role.size() > longest_identifier) {
    complaints.push_back({{"database.role"}, "is longer than PostgreSQL's 63 bytes"});
  }
}

void check_http(const Http& http, Complaints& complaints) {
  constexpr std::string_view socket_prefix = "unix:";
  if (http.listen.starts_with(socket_prefix)) {
    const auto path = std::string_view{http.listen}.substr(socket_prefix.size());
    if (!path.starts_with('/') || path.size() > longest_socket_path) {
      complaints.push_back(
          {{"http.listen"},
           fmt::format("the path of a socket must begin with / and have at most {} bytes",
                       longest_socket_path)});
    }
  } else if (!is_listen(http.listen)) {
    complaints.push_back(
        {{"http.listen"},
         fmt::format("{} is no address, write \"127.0.0.1:9791\", \"[::]:9791\" or "
                     "\"unix:/run/pgcaretaker/http.sock\"",
                     shown(http.listen))});
  }
}

void check_archive(const Archive& archive, Complaints& complaints) {
  if (!archive.directory.empty() && !archive.directory.starts_with('/')) {
    complaints.push_back(
        {{"archive.directory"},
         fmt::format("{} is relative to nobody knows what: write a path that begins with /",
                     shown(archive.directory))});
  }
  check_range("archive.level", archive.level, 1, 19, complaints);
}

Complaints check(const Settings& settings) {
  Complaints complaints;
  check_database(settings.database, complaints);
  check_http(settings.http, complaints);
  if (settings.lease.enabled) {
    check_said("lease.key", settings.lease.key, complaints);
  }
  if (settings.journal.required && !settings.journal.table) {
    complaints.push_back({{"journal.required", "journal.table"}, "required without a table"});
  }
  check_archive(settings.archive, complaints);
  check_partitions(settings, complaints);
  check_outboxes(settings, complaints);
  check_saturation(settings.saturation, complaints);
  return complaints;
}

}  // namespace pgcaretaker::config
