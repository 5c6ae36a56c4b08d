// SPDX-License-Identifier: Apache-2.0
// The files in config/ and the tables in docs/ agree with the code.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <sstream>
#include <utility>
#include <vector>

#include "config/effective.hpp"
#include "config/known_keys.hpp"
#include "config/load.hpp"
#include "support/source_dir.hpp"

using namespace pgcaretaker::config;
using namespace std::chrono_literals;

namespace {

const std::string root = pgcaretaker::test::source_dir();

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

bool is_key_letter(char c) {
  return (c >= 'a' && c <= 'z') || c == '_' || c == '.';
}

/// The section of a header line such as [[outbox]], "" when the line is none.
std::string header(std::string_view line) {
  const auto begin = std::min(line.find_first_not_of('['), line.size());
  if (begin == 0) return "";
  const auto name = line.substr(begin);
  const auto end = std::find_if_not(name.begin(), name.end(), is_key_letter);
  const std::string section{name.begin(), end};
  return line == std::string(begin, '[') + section + std::string(begin, ']') ? section : "";
}

/// Key and value of a line `key = value`; an empty key when the line is none.
std::pair<std::string, std::string> pair_of(const std::string& line) {
  const auto equals = line.find(" = ");
  if (equals == std::string::npos ||
      !std::all_of(line.begin(), line.begin() + static_cast<std::ptrdiff_t>(equals),
                   is_key_letter)) {
    return {};
  }
  return {line.substr(0, equals), line.substr(equals + 3)};
}

/// The examples of the file come to life: a line such as #every = "6h" or #[[outbox]] loses its
/// mark.
std::string uncommented(const std::string& text) {
  std::string out;
  std::istringstream lines{text};
  for (std::string line; std::getline(lines, line);) {
    const std::string bare = line.starts_with('#') ? line.substr(1) : line;
    const bool is_example = !header(bare).empty() || !pair_of(bare).first.empty();
    out += (is_example ? bare : line) + '\n';
  }
  return out;
}

/// The lines `key = value` of a file, by header and key.
std::map<std::string, std::string> written(const std::string& text) {
  std::map<std::string, std::string> values;
  std::istringstream lines{text};
  std::string section;
  for (std::string line; std::getline(lines, line);) {
    const auto [key, value] = pair_of(line);
    if (const std::string name = header(line); !name.empty()) {
      section = name + '.';
    } else if (!key.empty()) {
      const std::string full_key = section + key;
      const bool is_new = values.emplace(full_key, value).second;
      CHECK_MESSAGE(is_new, full_key << " is there twice");
    }
  }
  return values;
}

/// The cells of a Markdown table's row, less blanks and backquotes around them.
std::vector<std::string> cells(const std::string& line) {
  std::vector<std::string> found;
  std::istringstream row{line};
  std::string cell;
  std::getline(row, cell, '|');
  while (std::getline(row, cell, '|')) {
    const auto begin = cell.find_first_not_of(" `");
    const auto end = cell.find_last_not_of(" `");
    found.push_back(begin == std::string::npos ? "" : cell.substr(begin, end - begin + 1));
  }
  return found;
}

/// The default of each key in the tables of the documentation.
std::map<std::string, std::string> documented() {
  std::map<std::string, std::string> defaults;
  std::istringstream lines{content("docs/configuration.md")};
  std::string section;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("#")) {
      const std::string name = header(line.substr(std::min(line.find('['), line.size())));
      section = name.empty() ? section : name + '.';
    } else if (line.starts_with("| `") && line.find("| `%") == std::string::npos) {
      const auto row = cells(line);
      REQUIRE(row.size() == 4);
      CHECK(row[3] != "");
      defaults[section + row[0]] = row[2];
    }
  }
  return defaults;
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
  auto defaults = documented();
  for (const KnownKey& key : known_keys()) {
    if (key.is_section) continue;
    CAPTURE(key.path);
    REQUIRE(defaults.count(key.path) == 1);
    const bool must_be_said = defaults[key.path] == "must be said";
    CHECK((must_be_said || defaults[key.path] == key.default_value));
    CHECK((!must_be_said || without_default.count(key.path) == 1));
    defaults.erase(key.path);
  }
  CHECK(defaults.empty());
}
