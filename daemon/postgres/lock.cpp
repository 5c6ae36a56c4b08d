// SPDX-License-Identifier: Apache-2.0
// Holders of locks in words.
#include "postgres/lock.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "config/duration.hpp"

namespace pgcaretaker::pg {

namespace {

using namespace std::chrono_literals;

std::string who(const Holder& holder) {
  std::string text = holder.gid.empty() ? fmt::format("pid {}", holder.pid)
                                        : fmt::format("prepared transaction \"{}\"", holder.gid);
  std::string whose;
  if (!holder.user.empty()) whose = "user " + holder.user;
  if (!holder.application.empty()) {
    whose += (whose.empty() ? "application " : ", application ") + holder.application;
  }
  return whose.empty() ? text : text + " (" + whose + ")";
}

std::string holder_text(const Holder& holder) {
  std::string text = fmt::format("{} holds {}", who(holder), holder.relation);
  if (!holder.state.empty()) text += ", " + holder.state;
  if (!holder.age) {
    text += ", its age is hidden: grant our role pg_monitor";
  } else if (*holder.age > 0ms) {
    const Duration readable = *holder.age < 1s
                                  ? *holder.age
                                  : std::chrono::duration_cast<std::chrono::seconds>(*holder.age);
    text += fmt::format(", its transaction is {} old", config::duration_text(readable));
  }
  if (!holder.query.empty()) text += ", query: " + holder.query;
  return text;
}

}  // namespace

std::string effort_text(const LockEffort& effort) {
  const std::string timeout = config::duration_text(effort.lock_timeout);
  std::vector<std::string> rungs;
  for (const Duration rung : effort.insistence) {
    rungs.push_back(config::duration_text(rung));
  }
  const std::string asks =
      fmt::format("asks for {} whoever is in the way", fmt::join(rungs, ", then "));
  if (effort.patience <= 0ms) {
    return rungs.empty()
               ? fmt::format("asks for {0} if nobody older than {0} is in the way", timeout)
               : asks;
  }
  const std::string looks =
      fmt::format("looks for up to {} for a moment without anyone older than {} in the way",
                  config::duration_text(effort.patience), timeout);
  return rungs.empty() ? looks : looks + ", then " + asks;
}

std::string holders_text(const std::vector<Holder>& holders) {
  if (holders.empty()) return "somebody who was gone when looked for";
  const Holder& first = holders.front();
  std::vector<Holder> others;
  for (const Holder& holder : holders) {
    const auto is_same = [&](const Holder& other) {
      return other.pid == holder.pid && other.gid == holder.gid;
    };
    if (!is_same(first) && std::ranges::none_of(others, is_same)) others.push_back(holder);
  }
  const std::string text = holder_text(first);
  return others.empty() ? text : text + fmt::format(", and {} more", others.size());
}

}  // namespace pgcaretaker::pg
