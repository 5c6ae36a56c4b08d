// SPDX-License-Identifier: Apache-2.0
// A table becomes an archive that has been read back, and stays as it is.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "archive/manifest.hpp"
#include "archive/progress.hpp"
#include "async/clock.hpp"
#include "config/settings.hpp"
#include "postgres/connection.hpp"
#include "postgres/side_thread.hpp"

namespace pgcaretaker::archive {

/// What one table is to be archived as.
struct Subject {
  std::int64_t oid = 0;
  config::TableName table;
  std::optional<config::TableName> parent{};  // and bounds, as they were before it was detached;
  std::string bounds;                         // not given = as the catalog has them
  std::string plan_id;
  /// Detached, so that nobody is held up when nobody may write meanwhile: a SHARE lock. Forced
  /// row-level security is lifted before, and forced again after the copy. false = an ACCESS SHARE
  /// lock; then forced row-level security is an error.
  bool is_detached = true;
};

/// What writing and reading archives needs around it.
struct Workshop {
  config::Archive settings;
  std::string version;  // of pgcaretaker
  pg::SideThread& side_thread;
  async::Clock& clock;
  Duration lock_timeout = std::chrono::seconds{1};
  Duration stall = std::chrono::seconds{60};  // the server may be silent for so long
  OnProgress on_progress{};
  /// Tests only: told before each file operation and each statement.
  std::function<void(const std::string&)> on_step{};
};

struct Archived {
  std::string name;    // FOLDER/ARCHIVE
  std::string folder;  // its path
  Manifest manifest;   // rows, bytes, checksums, fingerprint
  bool was_there = false;
  bool is_lifted = false;  // row-level security could not be forced again: somebody uses the table
};

/// Archives `subject` and reads everything back, or finds that this was done before: an archive
/// whose fingerprint is the table's and that reads back well is taken as it is. One that is not is
/// never touched: the new one gets a number. Returns only when the archive is complete, verified,
/// and on the disk under its name; until then, and after a crash, its name does not exist.
///
/// Dropping is the caller's. Between this and the drop anybody with the privilege can write to the
/// table, so the drop's transaction sends proof.hpp's unchanged_since_archived() first, and drops
/// nothing when that gives no row; then the next pass archives anew. The caller also guarantees
/// that `parent` and `bounds` are the table's, and that no transaction is open on `connection`.
///
/// Throws Error (one line: the disk, the directory, a table that cannot be archived, a read-back
/// that differs) and pg::Error; a lock that is not granted within lock_timeout is one. After either
/// and after a cancel, what was half written is removed, at the latest by the next call, row-level
/// security is forced again where the lock is granted, and the connection is ready or closed. A
/// process that is killed leaves it lifted. The loop is not held up: reading the disk, compressing
/// and hashing happen on the side thread, one piece at a time, and the server waits for it. Memory:
/// a few MiB, zstd's for the level, and the largest row twice.
Awaitable<Archived> archive_table(pg::Connection& connection, const Subject& subject,
                                  const Workshop& workshop);

}  // namespace pgcaretaker::archive
