// SPDX-License-Identifier: Apache-2.0
// How full each pool is, and for how long: a pure fold over snapshots.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/settings.hpp"
#include "saturation/snapshot.hpp"

namespace pgcaretaker::saturation {

enum class Level { ok = 0, warn = 1, critical = 2 };  // the values of pgcaretaker_pool_level

[[nodiscard]] std::string_view level_text(Level level);

/// `*` any text, `?` any one byte, anything else itself; "" matches everything.
[[nodiscard]] bool matches(std::string_view glob, std::string_view text);

/// Since when a pool has been at or above its thresholds without a break; nullopt = it is below.
struct History {
  std::optional<UtcTime> warn_since;
  std::optional<UtcTime> critical_since;
  bool operator==(const History&) const = default;
};

struct PoolStatus {
  config::Pool pool;
  int limit = 0;
  std::optional<int> used;      // nullopt = the role may not see other sessions
  std::optional<double> ratio;  // above 1 when superusers sit in the reserved slots
  std::optional<Level> level;
  Level rising_to = Level::ok;  // where the ratio stands now; above `level` until `hold` is over
  StateCounts states{};
  int waiting = 0;
  std::optional<OldestTransaction> oldest;
};

struct Judgement {
  std::vector<PoolStatus> pools;  // "server" first, then as configured
  std::map<std::string, History> next;
};

/// Sessions that ordinary roles can have at once: max_connections less both reserved kinds.
[[nodiscard]] int usable_connections(const Snapshot& snapshot);

/// The pool's own limit; without one the smallest CONNECTION LIMIT of user and database (where
/// the pool names one without a glob), else what the server has. Catalog limits count only up to
/// the latter.
[[nodiscard]] int limit_of(const config::Pool& pool, const Snapshot& snapshot);

/// The pool "server" (all client sessions, the default thresholds) and the configured ones.
[[nodiscard]] std::vector<config::Pool> watched_pools(const config::Saturation& settings);

/// A level counts once the ratio has been at or above its threshold for `hold`; it falls at once.
/// `previous` is the `next` of the judgement before. Our own session counts like any other.
[[nodiscard]] Judgement judge(const std::map<std::string, History>& previous,
                              const Snapshot& snapshot, const config::Saturation& settings);

}  // namespace pgcaretaker::saturation
