// SPDX-License-Identifier: Apache-2.0
// The judgement.
#include "saturation/judge.hpp"

#include <algorithm>
#include <numeric>

namespace pgcaretaker::saturation {

namespace {

bool is_plain_name(std::string_view glob) {
  return !glob.empty() && glob.find_first_of("*?") == std::string_view::npos;
}

bool belongs(const SessionGroup& group, const config::Pool& pool) {
  return matches(pool.user, group.user) && matches(pool.database, group.database) &&
         matches(pool.application_name, group.application);
}

void add(PoolStatus& status, const SessionGroup& group) {
  for (std::size_t i = 0; i < status.states.size(); ++i) {
    status.states[i] += group.states[i];
  }
  status.waiting += group.waiting;
  if (group.oldest && (!status.oldest || status.oldest->seconds < group.oldest->seconds)) {
    status.oldest = group.oldest;
  }
}

double ratio_of(int used, int limit) {
  if (limit > 0) return static_cast<double>(used) / limit;
  return used > 0 ? 1.0 : 0.0;  // CONNECTION LIMIT 0: nobody may come in
}

/// A clock that went back does not make a level last longer than it did.
std::optional<UtcTime> fold(std::optional<UtcTime> since, bool above, UtcTime now) {
  if (!above) return std::nullopt;
  return since ? std::min(*since, now) : now;
}

Level level_of(const History& history, Duration hold, UtcTime now) {
  if (history.critical_since && now - *history.critical_since >= hold) return Level::critical;
  if (history.warn_since && now - *history.warn_since >= hold) return Level::warn;
  return Level::ok;
}

History previous_of(const std::map<std::string, History>& all, const std::string& pool) {
  const auto found = all.find(pool);
  return found == all.end() ? History{} : found->second;
}

void grade(PoolStatus& status, History& history, UtcTime now) {
  const config::Pool& pool = status.pool;
  status.used = std::accumulate(status.states.begin(), status.states.end(), 0);
  status.ratio = ratio_of(*status.used, status.limit);
  const bool critical = *status.ratio >= pool.critical;
  const bool warn = critical || *status.ratio >= pool.warn;
  history.critical_since = fold(history.critical_since, critical, now);
  history.warn_since = fold(history.warn_since, warn, now);
  status.level = level_of(history, pool.hold, now);
  status.rising_to = critical ? Level::critical : warn ? Level::warn : Level::ok;
}

}  // namespace

std::string_view level_text(Level level) {
  switch (level) {
    case Level::ok:
      return "ok";
    case Level::warn:
      return "warn";
    case Level::critical:
      break;
  }
  return "critical";
}

bool matches(std::string_view glob, std::string_view text) {
  if (glob.empty()) return true;
  std::size_t at = 0;
  std::size_t pattern = 0;
  std::size_t star = std::string_view::npos;  // the last * seen, and what it has swallowed up to
  std::size_t swallowed = 0;
  while (at < text.size()) {
    if (pattern < glob.size() && glob[pattern] == '*') {
      star = pattern++;
      swallowed = at;
    } else if (pattern < glob.size() && (glob[pattern] == '?' || glob[pattern] == text[at])) {
      ++pattern;
      ++at;
    } else if (star != std::string_view::npos) {
      pattern = star + 1;
      at = ++swallowed;
    } else {
      return false;
    }
  }
  return glob.find_first_not_of('*', pattern) == std::string_view::npos;
}

int usable_connections(const Snapshot& snapshot) {
  return snapshot.max_connections - snapshot.superuser_reserved - snapshot.reserved;
}

int limit_of(const config::Pool& pool, const Snapshot& snapshot) {
  if (pool.limit > 0) return pool.limit;
  int limit = usable_connections(snapshot);
  if (is_plain_name(pool.user)) {
    const auto role = snapshot.role_limits.find(pool.user);
    if (role != snapshot.role_limits.end()) limit = std::min(limit, role->second);
  }
  if (is_plain_name(pool.database)) {
    const auto database = snapshot.database_limits.find(pool.database);
    if (database != snapshot.database_limits.end()) limit = std::min(limit, database->second);
  }
  return limit;
}

std::vector<config::Pool> watched_pools(const config::Saturation& settings) {
  std::vector<config::Pool> pools = settings.pools;
  const bool configured = std::any_of(
      pools.begin(), pools.end(), [](const config::Pool& pool) { return pool.name == "server"; });
  if (!configured) {
    config::Pool server;
    server.name = "server";
    pools.insert(pools.begin(), server);
  }
  return pools;
}

Judgement judge(const std::map<std::string, History>& previous, const Snapshot& snapshot,
                const config::Saturation& settings) {
  Judgement judgement;
  for (const config::Pool& pool : watched_pools(settings)) {
    PoolStatus status;
    status.pool = pool;
    status.limit = limit_of(pool, snapshot);
    for (const SessionGroup& group : snapshot.groups) {
      if (belongs(group, pool)) add(status, group);
    }
    History history = previous_of(previous, pool.name);
    // Not seen is neither above nor below: the history stands.
    if (snapshot.sees_all_sessions) grade(status, history, snapshot.as_of);
    judgement.next.emplace(pool.name, history);
    judgement.pools.push_back(std::move(status));
  }
  return judgement;
}

}  // namespace pgcaretaker::saturation
