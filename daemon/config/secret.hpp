// SPDX-License-Identifier: Apache-2.0
// Secrets, which never stand in the file: where they are looked for, and a type that never prints.
#pragma once

#include <optional>
#include <string>

#include "config/places.hpp"
#include "config/problem.hpp"
#include "config/settings.hpp"

namespace pgcaretaker::config {

/// Text that must not be printed: no stream operator, no formatter, no comparison but equality.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_{std::move(value)} {}
  /// The text itself; call it only where it is handed to libpq or compared with a bearer.
  [[nodiscard]] const std::string& reveal() const { return value_; }
  [[nodiscard]] bool empty() const { return value_.empty(); }
  bool operator==(const Secret&) const = default;

 private:
  std::string value_;
};

struct Secrets {
  std::optional<Secret>
      database_password;  // nullopt = leave it to libpq (PGPASSFILE, .pgpass, env)
  std::optional<Secret> metrics_bearer;
  bool operator==(const Secrets&) const = default;
};

/// Reads the files that `settings` name; with none named,
/// `$CREDENTIALS_DIRECTORY/postgres-password` and `$CREDENTIALS_DIRECTORY/metrics-bearer` where
/// they exist. One trailing newline is cut. An unreadable or empty file is a problem (key and path
/// named, never the content); `places`, as the loader returned them, say where the key was written.
/// Blocks on files.
[[nodiscard]] Secrets read_secrets(const Settings& settings, Problems& problems,
                                   const Places& places = {});

/// The same for the bearer alone.
[[nodiscard]] std::optional<Secret> read_bearer(const Settings& settings, Problems& problems,
                                                const Places& places = {});

}  // namespace pgcaretaker::config
