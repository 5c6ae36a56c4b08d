// SPDX-License-Identifier: Apache-2.0
// Finds the secrets in a libpq connection string, to refuse or to mask them. Pure, no libpq.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pgcaretaker::config {

/// What a connection string (key=value pairs or a postgresql:// URI) holds besides harmless text.
struct DsnParts {
  /// Bytes [begin, end) of a password or another secret value, in order.
  struct Span {
    std::size_t begin;
    std::size_t end;
    std::string key;  // "password", "sslpassword", ...
  };
  std::vector<Span> secrets;  // none of them empty
  /// Where it stops being readable, npos = nowhere. What follows may be anything, a secret
  /// included.
  std::size_t unreadable_from = std::string_view::npos;
};

/// Takes `dsn` apart as libpq does, except that in doubt something is a secret.
[[nodiscard]] DsnParts dsn_parts(std::string_view dsn);

/// A libpq conninfo or URI with every secret value, and whatever cannot be read, replaced by ***:
/// safe for logs and /status. File names such as passfile stay.
[[nodiscard]] std::string mask_dsn(std::string_view dsn);

}  // namespace pgcaretaker::config
