// SPDX-License-Identifier: Apache-2.0
// Limits and contradictions of [saturation].
#include <fmt/format.h>

#include <map>

#include "config/check_parts.hpp"
#include "config/document.hpp"
#include "config/toml_text.hpp"

namespace pgcaretaker::config {

namespace {

using namespace std::chrono_literals;

constexpr std::string_view always_there = "server";
constexpr std::size_t longest_label = 63;
constexpr int most_connections = 262143;  // PostgreSQL's highest max_connections

/// A name that is a metric label and is typed after --task.
bool is_label(const std::string& name) {
  return name.size() <= longest_label &&
         name.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
             std::string::npos;
}

/// Pools and PgBouncers share one label, so their names must differ from each other too.
class Names {
 public:
  explicit Names(Complaints& complaints) : complaints_{complaints} {}

  void add(const std::string& section, const std::string& name) {
    const std::string key = child_key(section, "name");
    check_said(key, name, complaints_);
    if (name.empty()) return;
    if (name == always_there) {
      complaints_.push_back({{key}, "\"server\" is always there, choose another name"});
    } else if (!is_label(name)) {
      complaints_.push_back({{key},
                             fmt::format("{} must be made of at most {} of A-Z a-z 0-9 . _ -",
                                         shown(name), longest_label)});
    } else if (const auto [first, is_new] = sections_.emplace(name, section); !is_new) {
      complaints_.push_back({{key, child_key(first->second, "name")},
                             fmt::format("{} is there twice, see {}", shown(name), first->second)});
    }
  }

 private:
  Complaints& complaints_;
  std::map<std::string, std::string> sections_;
};

void check_pool(const std::string& section, const Pool& pool, Complaints& complaints) {
  const auto key = [&](const char* name) { return child_key(section, name); };
  if (pool.user.empty() && pool.database.empty() && pool.application_name.empty()) {
    complaints.push_back({{key("user"), key("database"), key("application_name")},
                          "one of user, database and application_name must be said"});
  }
  check_range(key("limit"), pool.limit, 0, most_connections, complaints);
  check_range(key("hold"), pool.hold, 0s, 24h, complaints);
  // Written so that nan fails too.
  const bool warn_fits = pool.warn > 0 && pool.warn <= 1;
  const bool critical_fits = pool.critical > 0 && pool.critical <= 1;
  if (!warn_fits) {
    complaints.push_back(
        {{key("warn")}, fmt::format("must be above 0 and at most 1, is {}", pool.warn)});
  }
  if (!critical_fits) {
    complaints.push_back(
        {{key("critical")}, fmt::format("must be above 0 and at most 1, is {}", pool.critical)});
  }
  if (warn_fits && critical_fits && pool.warn >= pool.critical) {
    complaints.push_back(
        {{key("warn"), key("critical")},
         fmt::format("warn {} must be below critical {}", pool.warn, pool.critical)});
  }
}

}  // namespace

void check_saturation(const Saturation& saturation, Complaints& complaints) {
  check_range("saturation.every", saturation.every, 1s, 1h, complaints);
  Names names{complaints};
  for (std::size_t i = 0; i < saturation.pools.size(); ++i) {
    const std::string section = element_key("saturation.pool", i);
    names.add(section, saturation.pools[i].name);
    check_pool(section, saturation.pools[i], complaints);
  }
  for (std::size_t i = 0; i < saturation.pgbouncers.size(); ++i) {
    const std::string section = element_key("saturation.pgbouncer", i);
    const PgBouncer& pgbouncer = saturation.pgbouncers[i];
    names.add(section, pgbouncer.name);
    check_said(child_key(section, "dsn"), pgbouncer.dsn, complaints);
    check_dsn(child_key(section, "dsn"), pgbouncer.dsn, "put it into .pgpass or PGPASSFILE",
              complaints);
  }
}

}  // namespace pgcaretaker::config
