// SPDX-License-Identifier: Apache-2.0
// The manifest on the disk says what the server itself says.
#include <doctest/doctest.h>

#include "support/archive_scene.hpp"

namespace pgcaretaker {

TEST_CASE_FIXTURE(test::ArchiveScene, "the manifest has the version of the server it came from") {
  owner("CREATE TABLE audit.t AS SELECT 1 AS id");
  const archive::Archived archived = write(subject("t"));
  const long long version = database.admin().number("SHOW server_version_num");
  CHECK(archived.manifest.server_version == version);
  const auto stored = archive::list(workshop.settings.directory);
  REQUIRE(stored.size() == 1);
  REQUIRE(stored[0].manifest);
  CHECK(stored[0].manifest->server_version == version);
}

}  // namespace pgcaretaker
