// SPDX-License-Identifier: Apache-2.0
// An archive becomes a table again, free-standing or attached, or nothing changes.
#pragma once

#include <string>
#include <vector>

#include "archive/manifest.hpp"
#include "archive/write.hpp"
#include "postgres/connection.hpp"
#include "postgres/lock.hpp"
#include "task/step.hpp"

namespace pgcaretaker::archive {

struct RestoreRequest {
  std::string folder;  // of the archive
  Manifest manifest;
  config::TableName as;  // the table to make
  bool attach = false;   // as the partition of its parent that it was
  // With attach: how hard to try for its locks.
  pg::LockEffort effort{Duration{50}, Duration{10'000}, {Duration{50}}};
  // With attach: a second session, to see whether others wait for what the first has locked.
  // Without one they may wait for as long as it copies.
  pg::Connection* watch = nullptr;
  // What makes an attached one like the other partitions, sent around ATTACH. A row `value` that
  // one after it returns is a difference that is left.
  std::vector<task::Statement> before_attach;
  std::vector<task::Statement> after_attach;
};

struct Restored {
  std::int64_t rows = 0;
  std::vector<std::string> differences;  // from other partitions, in words
};

/// One transaction makes the table, copies the binary file in (the CSV file where the server
/// cannot read the binary one, such as arrays of types with other OIDs), checks SHA-256 and counts
/// the rows of the table against the manifest, takes away what default privileges hand out,
/// attaches when nobody is in the way or patience is over, and commits. What ATTACH would refuse is
/// refused before anything is copied. The parent is locked ACCESS SHARE meanwhile: as soon as
/// somebody waits for that, all is given up.
///
/// Throws Error (one line: name taken, range covered, parent gone, columns that have changed, bytes
/// that have, somebody who waits, somebody in the way) and pg::Error. Memory and loop as for
/// archive_table().
Awaitable<Restored> restore(pg::Connection& connection, const RestoreRequest& request,
                            const Workshop& workshop);

}  // namespace pgcaretaker::archive
