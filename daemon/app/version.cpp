// SPDX-License-Identifier: Apache-2.0
// Version and what it was built with; the two macros come from daemon/CMakeLists.txt.
#include "app/version.hpp"

#include <fmt/format.h>

#include <boost/version.hpp>

#include "archive/digest.hpp"
#include "archive/packed_file.hpp"
#include "postgres/library_version.hpp"

namespace pgcaretaker::app {

std::string_view version() {
  return PGCARETAKER_VERSION;
}

std::string version_text() {
  return fmt::format("pgcaretaker {} ({}; libpq {}; Boost {}.{}; fmt {}.{}; {}; {}; C++ {})",
                     version(), PGCARETAKER_BUILD_TYPE, pg::library_version(),
                     BOOST_VERSION / 100000, BOOST_VERSION / 100 % 1000, FMT_VERSION / 10000,
                     FMT_VERSION / 100 % 100, archive::packing_library(), archive::digest_library(),
                     __VERSION__);
}

}  // namespace pgcaretaker::app
