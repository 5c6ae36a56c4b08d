// SPDX-License-Identifier: Apache-2.0
// The discipline that every session is brought under before anyone uses it. Pure.
#pragma once

#include <string>

#include "config/settings.hpp"
#include "postgres/params.hpp"

namespace pgcaretaker::pg {

/// Throws Error(refused) unless the server at `peer` is new enough (14); `version` as libpq numbers
/// it.
void require_supported(int version, const std::string& peer);

struct Discipline {
  std::string sql;
  Params params;
};

/// One statement that pins every setting on which the meaning of our statements depends, whatever
/// the server, database and role have as defaults, and takes the configured role.
[[nodiscard]] Discipline session_discipline(const config::Database& database);

}  // namespace pgcaretaker::pg
