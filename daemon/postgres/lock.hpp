// SPDX-License-Identifier: Apache-2.0
// A lock that is wanted, and who holds one that conflicts with it. Plain data.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "async/time.hpp"

namespace pgcaretaker::pg {

enum class LockMode {
  share_update_exclusive,  // ATTACH on the parent: readers and writers go on
  share_row_exclusive,     // a new foreign key on the table it points to: readers go on
  access_exclusive,        // nobody goes on
};

struct WantedLock {
  std::int64_t relation = 0;  // OID
  LockMode mode = LockMode::access_exclusive;
  bool comes_last = false;  // waited for while the others are held

  bool operator==(const WantedLock&) const = default;
};

/// How hard to try for locks.
struct LockEffort {
  Duration lock_timeout{0};  // of one attempt; a holder younger than this may be waited for
  Duration patience{0};      // how long to look for a moment in which no older one is in the way
  /// When patience is over: the lock_timeouts of the attempts made whoever is in the way, growing.
  /// Empty = none is.
  std::vector<Duration> insistence;
  /// Since when the longest of these was made in vain before; nullopt = it was not. It is not made
  /// again while somebody is in the way who was there already: writers would wait once more for
  /// nothing.
  std::optional<Duration> in_vain_for = std::nullopt;

  bool operator==(const LockEffort&) const = default;
};

/// "looks for up to 10m for a moment without anyone older than 50ms in the way, then asks for 50ms,
/// 250ms, 30s whoever is in the way".
[[nodiscard]] std::string effort_text(const LockEffort& effort);

/// A session or a prepared transaction whose lock conflicts with a wanted one.
struct Holder {
  int pid = 0;           // 0 = a prepared transaction
  std::string gid;       // of a prepared transaction, else ""
  std::string relation;  // what it has locked
  std::string user;
  std::string application;
  std::string state;  // as pg_stat_activity says; a background worker's kind when it has none
  std::optional<Duration> age;  // of its transaction; nullopt = the server does not tell us
  std::string query;            // on one line, cut at 120 characters; may hold values

  bool operator==(const Holder&) const = default;
};

/// "pid 4711 (user app, application psql) holds public.events, idle in transaction, its transaction
/// is 3m 20s old, query: SELECT ..." of the first, and how many more there are.
[[nodiscard]] std::string holders_text(const std::vector<Holder>& holders);

}  // namespace pgcaretaker::pg
