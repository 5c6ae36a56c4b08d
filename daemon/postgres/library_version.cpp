// SPDX-License-Identifier: Apache-2.0
// Asks libpq for its version.
#include "postgres/library_version.hpp"

#include <fmt/format.h>
#include <libpq-fe.h>

namespace pgcaretaker::pg {

std::string library_version() {
  const int number = PQlibVersion();  // 150020
  return fmt::format("{}.{}", number / 10000, number % 10000);
}

}  // namespace pgcaretaker::pg
