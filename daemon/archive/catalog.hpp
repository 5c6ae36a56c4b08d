// SPDX-License-Identifier: Apache-2.0
// What the database says of a table that is to be archived, or restored into.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "archive/manifest.hpp"
#include "postgres/connection.hpp"
#include "postgres/lock.hpp"

namespace pgcaretaker::archive {

/// A table by its name, and what it is a partition of.
struct Found {
  std::int64_t oid = 0;  // 0 = there is none
  char kind = 'r';       // pg_class.relkind
  std::string bounds;    // "" = no partition
  std::optional<config::TableName> parent;
  bool is_child = false;     // inherits, as a partition or otherwise
  bool is_filtered = false;  // policies would filter what we read
  bool is_forced = false;    // only because they are forced upon the owner
};

Awaitable<Found> find_table(pg::Connection& connection, const config::TableName& table);

/// Throws Interruption when `table` is attached, or is not `oid` any more; under a lock on it.
Awaitable<void> require_detached(pg::Connection& connection, std::int64_t oid,
                                 const config::TableName& table);

/// Everything but times and files of a manifest, in the caller's transaction, whose snapshot the
/// fingerprint is of. Throws Error when `oid` is not `table` any more, or cannot be archived.
Awaitable<Manifest> describe(pg::Connection& connection, std::int64_t oid,
                             const config::TableName& table,
                             const std::optional<config::TableName>& parent);

/// Of the open transaction from here on. Only COPY is sent in another than UTF-8: names are read
/// and written in that.
Awaitable<void> set_encoding(pg::Connection& connection, const std::string& encoding);

/// The columns of a table or partitioned table, in order.
Awaitable<std::vector<Column>> columns_of(pg::Connection& connection,
                                          const config::TableName& table);

/// Access to what was archived is its owner's alone, whatever default privileges hand out. Throws
/// pg::Error.
Awaitable<void> revoke_from_others(pg::Connection& connection, const config::TableName& table);

/// What ATTACH locks: the partitioned table `parent`, its default partition, and the other ends of
/// its foreign keys and of those to it, which come last.
Awaitable<std::vector<pg::WantedLock>> locks_of_attach(pg::Connection& connection,
                                                       std::int64_t parent);

}  // namespace pgcaretaker::archive
