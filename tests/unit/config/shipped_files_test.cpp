// SPDX-License-Identifier: Apache-2.0
// The files in config/ and the tables in docs/ agree with the code.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "config/effective.hpp"
#include "config/known_keys.hpp"
#include "config/load.hpp"

using namespace pgcaretaker::config;
using namespace std::chrono_literals;

namespace {

const std::string root{PGCARETAKER_SOURCE_DIR};

// Keys that must be said, so that an example has a value of its own for them.
const std::set<std::string> without_default{"partition.table",         "outbox.table",
                                            "outbox.pending",          "outbox.done.where",
                                            "outbox.done.since",       "outbox.dead.where",
                                            "outbox.dead.since",       "saturation.pool.name",
                                            "saturation.pool.user",    "saturation.pgbouncer.name",
                                            "saturation.pgbouncer.dsn"};

std::string content(const std::string& path) {
  std::ifstream stream{root + '/' + path, std::ios::binary};
  REQUIRE_MESSAGE(stream, path);
  return {std::istreambuf_iterator<char>{stream}, {}};
}

Settings load_good(std::string_view text, const std::string& path) {
  const Loaded loaded = load_text(text, path, {});
  for (const Problem& problem : loaded.problems) {
    FAIL_CHECK(problem.line_text());
  }
  return loaded.settings;
}

/// The examples of the file come to life: a line such as #every = "6h" or #[[outbox]] loses its
/// mark.
std::string uncommented(const std::string& text) {
  static const std::regex example{"(^|\n)#(?=\\[|[a-z_]+ = )"};
  return std::regex_replace(text, example, "$1");
}

/// The lines `key = value` of a file, by header and key.
std::map<std::string, std::string> written(const std::string& text) {
  static const std::regex header{R"(^\[+([a-z_.]+)\]+$)"};
  static const std::regex pair{R"(^([a-z_]+) = (.*)$)"};
  std::map<std::string, std::string> values;
  std::istringstream lines{text};
  std::string line;
  std::string section;
  for (std::smatch match; std::getline(lines, line);) {
    if (std::regex_match(line, match, header)) {
      section = match[1].str() + '.';
    } else if (std::regex_match(line, match, pair)) {
      const bool is_new = values.emplace(section + match[1].str(), match[2].str()).second;
      CHECK_MESSAGE(is_new, section, match[1].str(), " is there twice");
    }
  }
  return values;
}

}  // namespace

TEST_CASE("pgcaretaker.toml as it stands gives the defaults") {
  CHECK(load_good(content("config/pgcaretaker.toml"), "pgcaretaker.toml") == Settings{});
}

TEST_CASE("pgcaretaker.toml and its examples have every key at its default") {
  const std::string text = uncommented(content("config/pgcaretaker.toml"));
  const Settings settings = load_good(text, "pgcaretaker.toml");
  REQUIRE(settings.partitions.size() == 1);
  REQUIRE(settings.outboxes.size() == 1);
  REQUIRE(settings.outboxes[0].done);
  REQUIRE(settings.outboxes[0].dead);
  REQUIRE(settings.saturation.pools.size() == 1);
  REQUIRE(settings.saturation.pgbouncers.size() == 1);
  auto values = written(text);
  for (const KnownKey& key : known_keys()) {
    if (key.is_section) continue;
    CAPTURE(key.path);
    REQUIRE(values.count(key.path) == 1);
    if (without_default.count(key.path) == 0) {
      CHECK(values[key.path] == key.default_value);
    }
    values.erase(key.path);
  }
  CHECK(values.empty());
}

TEST_CASE("the profile for the control plane says what its schema is like") {
  const Settings settings = load_good(content("config/caracal.toml"), "caracal.toml");
  REQUIRE(settings.partitions.size() == 1);
  const Partition& audit = settings.partitions[0];
  CHECK(audit.table == TableName{"public", "audit_events"});
  CHECK(audit.interval == Interval{IntervalUnit::month, 1});
  CHECK(audit.ahead == 3);
  CHECK(audit.retention == 24h * 365);
  CHECK(audit.expire == Expire::drop);
  CHECK(audit.retention_query.find("public.audit_retention") != std::string::npos);
  CHECK(audit.hold_query.find("public.audit_export_watermark") != std::string::npos);
  CHECK_FALSE(audit.create_function);
  REQUIRE(settings.outboxes.size() == 2);
  const Outbox& events = settings.outboxes[0];
  CHECK(events.pending.find("status") == std::string::npos);
  REQUIRE(events.done);
  CHECK(events.done->where.find("status") == std::string::npos);
  REQUIRE(events.dead);
  CHECK(events.dead->where == "dispatched_at IS NULL AND available_at = 'infinity'");
  const Outbox& other = settings.outboxes[1];
  CHECK(other.pending == "status = 'pending'");
  REQUIRE(other.dead);
  CHECK(other.dead->action == DeadAction::report);
  CHECK(settings.saturation.pools.size() == 5);
}

TEST_CASE("the functions that the profile offers in comments can be taken") {
  const Settings settings = load_good(uncommented(content("config/caracal.toml")), "caracal.toml");
  REQUIRE(settings.partitions.size() == 1);
  CHECK(settings.partitions[0].create_function == TableName{"public", "audit_partition_ensure"});
  CHECK(settings.partitions[0].drop_function == TableName{"public", "audit_partition_drop"});
}

TEST_CASE("every shipped file loads and is printed so that it loads the same") {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator{root + "/config"}) {
    if (entry.path().extension() != ".toml") continue;
    const auto path = std::filesystem::relative(entry.path(), root).string();
    const Settings settings = load_good(content(path), path);
    CHECK(load_good(effective_toml(settings), path) == settings);
    ++count;
  }
  CHECK(count >= 5);
}

TEST_CASE("docs/configuration.md has every key with its default") {
  static const std::regex header{R"(^#+ \[+([a-z_.]+)\]+$)"};
  static const std::regex row{R"(^\| `([a-z_]+)` \| [^|]+ \| (`(.*)`|must be said) \| .+ \|$)"};
  std::map<std::string, std::string> documented;
  std::istringstream lines{content("docs/configuration.md")};
  std::string line;
  std::string section;
  for (std::smatch match; std::getline(lines, line);) {
    if (std::regex_match(line, match, header)) {
      section = match[1].str() + '.';
    } else if (std::regex_match(line, match, row)) {
      documented[section + match[1].str()] = match[3].matched ? match[3].str() : "";
    }
  }
  for (const KnownKey& key : known_keys()) {
    if (key.is_section) continue;
    CAPTURE(key.path);
    REQUIRE(documented.count(key.path) == 1);
    const bool must_be_said = documented[key.path].empty();
    CHECK((must_be_said || documented[key.path] == key.default_value));
    CHECK((!must_be_said || without_default.count(key.path) == 1));
    documented.erase(key.path);
  }
  CHECK(documented.empty());
}
