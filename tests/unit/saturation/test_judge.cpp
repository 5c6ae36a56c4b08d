// SPDX-License-Identifier: Apache-2.0
// Which sessions belong to a pool, how many it may have, and when a level counts.
#include <doctest/doctest.h>

#include "saturation/judge.hpp"

using namespace pgcaretaker;
using namespace pgcaretaker::saturation;
using namespace std::chrono_literals;

namespace {

const UtcTime start = std::chrono::sys_days{std::chrono::year{2026} / 11 / 23};

SessionGroup group(const char* user, const char* database, const char* application,
                   StateCounts states) {
  SessionGroup group;
  group.user = user;
  group.database = database;
  group.application = application;
  group.states = states;
  return group;
}

Snapshot server(int max, int superuser, int reserved) {
  Snapshot snapshot;
  snapshot.as_of = start;
  snapshot.sees_all_sessions = true;
  snapshot.max_connections = max;
  snapshot.superuser_reserved = superuser;
  snapshot.reserved = reserved;
  return snapshot;
}

config::Pool pool(const char* name, const char* user, int limit) {
  config::Pool pool;
  pool.name = name;
  pool.user = user;
  pool.limit = limit;
  return pool;
}

config::Saturation watching(config::Pool pool) {
  config::Saturation settings;
  settings.pools.push_back(std::move(pool));
  return settings;
}

/// Judges `used` of 20 sessions of pool "api" at `at`, after what `history` remembers.
PoolStatus step(std::map<std::string, History>& history, Duration at, int used,
                Duration hold = 30s) {
  Snapshot snapshot = server(100, 3, 0);
  snapshot.as_of = start + at;
  snapshot.groups.push_back(group("api", "d", "a", {used, 0, 0, 0, 0}));
  config::Pool api = pool("api", "api", 20);
  api.hold = hold;
  Judgement judgement = judge(history, snapshot, watching(api));
  history = std::move(judgement.next);
  return judgement.pools.at(1);
}

}  // namespace

TEST_CASE("globs match as in a shell") {
  struct Case {
    const char* glob;
    const char* text;
    bool match;
  };
  for (const Case& each : {
           Case{"", "anything", true},
           Case{"", "", true},
           Case{"api", "api", true},
           Case{"api", "api2", false},
           Case{"api", "Api", false},
           Case{"api", "", false},
           Case{"*", "", true},
           Case{"*", "x", true},
           Case{"api*", "api", true},
           Case{"api*", "api-7", true},
           Case{"*-worker", "a-worker", true},
           Case{"*-worker", "a-worker2", false},
           Case{"a*b*c", "aXXbYYc", true},
           Case{"a*b*c", "aXXcYYb", false},
           Case{"a*b*c", "abbbc", true},
           Case{"*ab", "aab", true},
           Case{"a?c", "abc", true},
           Case{"a?c", "ac", false},
           Case{"?", "", false},
           Case{"??*", "ab", true},
           Case{"??*", "a", false},
           Case{"**", "", true},
           Case{"a**b", "ab", true},
           Case{"[a]", "a", false},
       }) {
    CAPTURE(each.glob);
    CAPTURE(each.text);
    CHECK(matches(each.glob, each.text) == each.match);
  }
}

TEST_CASE("a glob of many stars does not take for ever") {
  const std::string text(2000, 'a');
  CHECK_FALSE(matches("*a*a*a*a*a*a*a*a*a*a*b", text));
}

TEST_CASE("ordinary roles share what neither reserved kind takes") {
  CHECK(usable_connections(server(100, 3, 0)) == 97);
  CHECK(usable_connections(server(100, 3, 5)) == 92);
}

TEST_CASE("a pool's limit is its own, else the smallest of role's, database's and server's") {
  Snapshot snapshot = server(100, 3, 0);
  snapshot.role_limits = {{"api", 30}, {"batch", 60}, {"huge", 5000}};
  snapshot.database_limits = {{"caracal", 50}, {"closed", 0}};
  struct Case {
    const char* user;
    const char* database;
    int configured;
    int limit;
  };
  for (const Case& each : {
           Case{"api", "caracal", 20, 20},
           Case{"api", "caracal", 200, 200},  // the operator's word, even above the server's
           Case{"api", "caracal", 0, 30},
           Case{"api", "", 0, 30},
           Case{"batch", "caracal", 0, 50},
           Case{"sts", "caracal", 0, 50},
           Case{"", "caracal", 0, 50},
           Case{"api*", "caracal", 0, 50},
           Case{"api*", "cara?al", 0, 97},
           Case{"sts", "other", 0, 97},
           Case{"", "", 0, 97},
           Case{"huge", "", 0, 97},
           Case{"", "closed", 0, 0},
       }) {
    CAPTURE(each.user);
    CAPTURE(each.database);
    config::Pool asked = pool("p", each.user, each.configured);
    asked.database = each.database;
    CHECK(limit_of(asked, snapshot) == each.limit);
  }
}

TEST_CASE("a pool counts the sessions that match all it names") {
  Snapshot snapshot = server(100, 3, 0);
  snapshot.groups = {group("api", "caracal", "api-1", {2, 3, 1, 0, 0}),
                     group("api", "caracal", "psql", {1, 0, 0, 0, 0}),
                     group("sts", "caracal", "api-9", {4, 0, 0, 1, 1})};
  snapshot.groups[0].waiting = 1;
  snapshot.groups[0].oldest = OldestTransaction{7.5, 11, "api", "api-1"};
  snapshot.groups[1].oldest = OldestTransaction{99, 12, "api", "psql"};
  config::Pool api = pool("api", "api", 10);
  api.application_name = "api-*";
  const auto pools = judge({}, snapshot, watching(api)).pools;
  REQUIRE(pools.size() == 2);
  CHECK(pools[0].pool.name == "server");
  CHECK(pools[0].used == 13);
  CHECK(pools[0].oldest->pid == 12);
  CHECK(pools[1].used == 6);
  CHECK(pools[1].states == StateCounts{2, 3, 1, 0, 0});
  CHECK(pools[1].waiting == 1);
  CHECK(pools[1].oldest->pid == 11);
  CHECK(*pools[1].ratio == doctest::Approx(0.6));
}

TEST_CASE("server is always watched, with its own thresholds when they are configured") {
  CHECK(judge({}, server(100, 3, 0), config::Saturation{}).pools.at(0).pool == [] {
    config::Pool p;
    p.name = "server";
    return p;
  }());
  config::Pool own = pool("server", "", 0);
  own.warn = 0.5;
  const auto pools = judge({}, server(100, 3, 0), watching(own)).pools;
  REQUIRE(pools.size() == 1);
  CHECK(pools[0].pool.warn == 0.5);
}

TEST_CASE("superusers in the reserved slots bring the server above one") {
  Snapshot snapshot = server(60, 3, 0);
  snapshot.groups = {group("postgres", "p", "", {0, 60, 0, 0, 0})};
  CHECK(*judge({}, snapshot, {}).pools[0].ratio == doctest::Approx(60.0 / 57.0));
}

TEST_CASE("a limit of nothing is empty or full, never a division by zero") {
  Snapshot snapshot = server(60, 3, 0);
  snapshot.role_limits = {{"api", 0}};
  CHECK(*judge({}, snapshot, watching(pool("api", "api", 0))).pools[1].ratio == 0);
  snapshot.groups = {group("api", "d", "", {1, 0, 0, 0, 0})};
  CHECK(*judge({}, snapshot, watching(pool("api", "api", 0))).pools[1].ratio == 1);
}

TEST_CASE("a level counts when it has lasted for the hold, to the instant") {
  std::map<std::string, History> history;
  CHECK(step(history, 0s, 15).level == Level::ok);
  CHECK(step(history, 10s, 15).rising_to == Level::warn);
  CHECK(step(history, 29'999ms, 15).level == Level::ok);
  CHECK(step(history, 30s, 15).level == Level::warn);
}

TEST_CASE("a level falls at once, and has to last again") {
  std::map<std::string, History> history;
  step(history, 0s, 20);
  CHECK(step(history, 30s, 20).level == Level::critical);
  CHECK(step(history, 40s, 14).level == Level::ok);
  CHECK(step(history, 50s, 20).level == Level::ok);
  CHECK(step(history, 79s, 20).level == Level::ok);
  CHECK(step(history, 80s, 20).level == Level::critical);
}

TEST_CASE("from critical it falls to warn without a new hold, as warn has lasted all along") {
  std::map<std::string, History> history;
  step(history, 0s, 18);
  CHECK(step(history, 30s, 18).level == Level::critical);
  CHECK(step(history, 40s, 17).level == Level::warn);
  CHECK(step(history, 50s, 18).level == Level::warn);
  CHECK(step(history, 80s, 18).level == Level::critical);
}

TEST_CASE("a peak shorter than the hold does not count, even many of them") {
  std::map<std::string, History> history;
  for (Duration at = 0s; at < 10min; at += 20s) {
    CHECK(step(history, at, 20).level == Level::ok);
    CHECK(step(history, at + 10s, 3).level == Level::ok);
  }
}

TEST_CASE("no hold means at once") {
  std::map<std::string, History> history;
  CHECK(step(history, 0s, 15, 0s).level == Level::warn);
  CHECK(step(history, 1s, 18, 0s).level == Level::critical);
}

TEST_CASE("a clock that goes back neither raises a level nor loses it") {
  std::map<std::string, History> history;
  CHECK(step(history, 1h, 20).level == Level::ok);
  CHECK(step(history, 0s, 20).level == Level::ok);
  CHECK(step(history, 30s, 20).level == Level::critical);
}

TEST_CASE("what cannot be seen is neither full nor empty, and the history stands") {
  std::map<std::string, History> history;
  step(history, 0s, 20);
  Snapshot blind = server(100, 3, 0);
  blind.as_of = start + 10s;
  blind.sees_all_sessions = false;
  const auto judgement = judge(history, blind, watching(pool("api", "api", 20)));
  CHECK(judgement.pools[1].limit == 20);
  CHECK(judgement.pools[1].used == std::nullopt);
  CHECK(judgement.pools[1].ratio == std::nullopt);
  CHECK(judgement.pools[1].level == std::nullopt);
  CHECK(judgement.next.at("api") == history.at("api"));
}

TEST_CASE("a pool that is no longer configured is forgotten") {
  std::map<std::string, History> history{{"gone", History{start, start}}};
  CHECK(judge(history, server(100, 3, 0), {}).next.count("gone") == 0);
}
