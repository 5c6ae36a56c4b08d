// SPDX-License-Identifier: Apache-2.0
// What check-config prints: every key, read back to the same settings, and no secret.
#include <doctest/doctest.h>

#include "config/effective.hpp"
#include "config/known_keys.hpp"
#include "config/load.hpp"

using namespace pgcaretaker::config;
using namespace std::chrono_literals;

namespace {

/// Every key away from its default, every optional section there, text that wants escaping.
Settings unusual() {
  Settings settings;
  settings.database = {"host='a b' user=\"x\"", "/p\tw", "O'Ne\\il", 64, 100ms, 61s, 24h};
  settings.http = {"[::1]:0", "/bearer"};
  settings.log = {LogLevel::trace, LogFormat::journal};
  settings.lease = {false, "k\"e\\y\n\x01\x7F\xC3\xA9"};
  settings.journal = {TableName{"Odd Schema", "j\"l"}, true};
  Partition partition;
  partition.table = {"s", "t"};
  partition.interval = {IntervalUnit::day, 10};
  partition.ahead = 0;
  partition.name = "{table}_%Y_%j";
  partition.every = 1h + 1ms;
  partition.retention = 24h * 400;
  partition.retention_query = "SELECT '\"'\n  FROM x";
  partition.expire = Expire::drop;
  partition.grace = 36h;
  partition.hold_query = "WITH a AS (SELECT 1) SELECT $1 < $2";
  partition.max_drops = 1;
  partition.default_partition = DefaultPartition::adopt;
  partition.lock_timeout = 1ms;
  partition.patience = 0s;
  partition.create_function = TableName{"s", "Make"};
  partition.created = {false, false, false, false, false, false, false};
  Outbox outbox;
  outbox.table = {"s", "o"};
  outbox.key = "Key";
  outbox.every = 1s;
  outbox.pending = "a <> 'x' -- \\";
  outbox.pending_since = "b";
  outbox.done = OutboxDone{"c", "d", 0s, DoneAction::archive, TableName{"s", "old"}};
  outbox.dead = OutboxDead{"e", "f", 1ms, DeadAction::requeue, {"s", "dead"}, "g = 0", 9};
  Outbox plain = outbox;
  plain.table = {"s", "p"};
  plain.done.reset();
  plain.dead.reset();
  settings.partitions = {partition};
  settings.outboxes = {outbox, plain};
  settings.saturation.every = 1h;
  settings.saturation.pools = {{"p", "u*", "d?", "a", 7, 1.0 / 3.0, 1.0, 0s}};
  settings.saturation.pgbouncers = {{"b", "host=c"}, {"b2", "postgresql://d"}};
  return settings;
}

}  // namespace

TEST_CASE("the effective settings are read back to equal settings") {
  for (const Settings& settings : {Settings{}, unusual()}) {
    const std::string text = effective_toml(settings);
    CAPTURE(text);
    const Loaded loaded = load_text(text, "effective", {});
    for (const Problem& problem : loaded.problems) {
      FAIL_CHECK(problem.line_text());
    }
    CHECK(loaded.settings == settings);
    CHECK(effective_toml(loaded.settings) == text);
  }
}

TEST_CASE("the effective settings hold every key") {
  const std::string text = effective_toml(unusual());
  for (const KnownKey& key : known_keys()) {
    CAPTURE(key.path);
    const bool found = key.is_section ? text.find('[' + key.path + ']') != std::string::npos
                                      : text.find('\n' + key.name() + " = ") != std::string::npos;
    CHECK(found);
  }
}

TEST_CASE("the effective settings hold no password of any connection string") {
  Settings settings;
  settings.database.dsn = "host=a password=hunter2";
  settings.saturation.pgbouncers = {{"b", "postgresql://u:hunter2@c/d?sslpassword=hunter2"},
                                    {"c", "host=a hunter2"}};
  const std::string text = effective_toml(settings);
  CHECK(text.find("hunter2") == std::string::npos);
  CHECK(text.find("dsn = \"host=a password=***\"") != std::string::npos);
  CHECK(text.find("dsn = \"postgresql://u:***@c/d?sslpassword=***\"") != std::string::npos);
  CHECK(text.find("dsn = \"host=a ***\"") != std::string::npos);
}
