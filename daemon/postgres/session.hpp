// SPDX-License-Identifier: Apache-2.0
// The discipline that every session is brought under before anyone uses it. Pure.
#pragma once

#include <string>

#include "config/settings.hpp"
#include "postgres/params.hpp"

namespace pgcaretaker::pg {

/// The oldest server that is supported, as libpq numbers versions.
inline constexpr int oldest_server_version = 140000;

struct Discipline {
  std::string sql;
  Params params;
};

/// One statement that pins every setting on which the meaning of our statements depends, whatever
/// the server, database and role have as defaults, and takes the configured role.
[[nodiscard]] Discipline session_discipline(const config::Database& database);

}  // namespace pgcaretaker::pg
