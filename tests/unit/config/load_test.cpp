// SPDX-License-Identifier: Apache-2.0
// Loading: values arrive, defaults stay, overrides count, problems have a place.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "config/load.hpp"

using namespace pgcaretaker::config;
using namespace std::chrono_literals;

namespace {

Loaded load(std::string_view text, const std::vector<Override>& overrides = {}) {
  return load_text(text, "t.toml", overrides);
}

std::vector<std::string> lines(const Loaded& loaded) {
  std::vector<std::string> texts;
  for (const Problem& problem : loaded.problems) {
    texts.push_back(problem.line_text());
  }
  return texts;
}

Settings good(std::string_view text, const std::vector<Override>& overrides = {}) {
  const Loaded loaded = load(text, overrides);
  CHECK(lines(loaded) == std::vector<std::string>{});
  return loaded.settings;
}

}  // namespace

TEST_CASE("an empty file gives the defaults") {
  CHECK(good("") == Settings{});
  CHECK(good("# only a comment\n[saturation]\n[database]\n") == Settings{});
  CHECK(good("\xEF\xBB\xBF[log]\r\nlevel = \"debug\"\r\n").log.level == LogLevel::debug);
}

TEST_CASE("max_drops may be nothing at all: retention is paused then") {
  const Settings settings = good(
      "[[partition]]\ntable = \"public.t\"\ninterval = \"1 month\"\n"
      "retention = \"30 days\"\nexpire = \"drop\"\nmax_drops = 0\n");
  CHECK(settings.partitions.at(0).max_drops == 0);
}

TEST_CASE("every kind of value arrives") {
  const Settings settings = good(R"(
[database]
dsn = "host=db"
connections = 7
statement_timeout = "1m 30s"
[http]
listen = "unix:/run/x.sock"
[log]
level = "off"
format = "auto"
[lease]
enabled = false
[journal]
table = ""
[archive]
directory = "/srv/archive"
level = 9
csv = false
[[partition]]
table = "a.b"
interval = "2 weeks"
name = "{table}_%G%V"
retention = "10 weeks"
expire = "archive"
create_function = "a.make"
[[outbox]]
table = "a.c"
pending = "x"
[outbox.dead]
where = "y"
since = "z"
action = "report"
[[outbox]]
table = "a.d"
pending = "x"
[[saturation.pool]]
name = "p"
user = "u*"
warn = 0.5
critical = 1
)");
  CHECK(settings.database.dsn == "host=db");
  CHECK(settings.database.connections == 7);
  CHECK(settings.database.statement_timeout == 90s);
  CHECK(settings.http.listen == "unix:/run/x.sock");
  CHECK(settings.log == Log{LogLevel::off, LogFormat::automatic});
  CHECK_FALSE(settings.lease.enabled);
  CHECK_FALSE(settings.journal.table);
  CHECK(settings.archive == Archive{"/srv/archive", 9, false});
  REQUIRE(settings.partitions.size() == 1);
  const Partition& partition = settings.partitions[0];
  CHECK(partition.table == TableName{"a", "b"});
  CHECK(partition.interval == Interval{IntervalUnit::week, 2});
  CHECK(partition.retention == 24h * 70);
  CHECK(partition.expire == Expire::archive);
  CHECK(partition.create_function == TableName{"a", "make"});
  CHECK_FALSE(partition.drop_function);
  REQUIRE(settings.outboxes.size() == 2);
  CHECK_FALSE(settings.outboxes[0].done);
  REQUIRE(settings.outboxes[0].dead);
  CHECK(settings.outboxes[0].dead->action == DeadAction::report);
  CHECK_FALSE(settings.outboxes[1].dead);
  REQUIRE(settings.saturation.pools.size() == 1);
  CHECK(settings.saturation.pools[0].critical == 1.0);
  CHECK(task_names(settings) ==
        std::vector<std::string>{"partition:a.b", "outbox:a.c", "outbox:a.d", "saturation:server"});
}

TEST_CASE("an override replaces, adds and makes sections") {
  const std::string file = "[[partition]]\ntable = \"a.b\"\nevery = \"2h\"\n";
  CHECK(good(file, {{"partition.0.every", "1h"}}).partitions[0].every == 1h);
  CHECK(good(file, {{"partition[0].every", "\"1h\""}}).partitions[0].every == 1h);
  CHECK(good(file, {{"partition.0.ahead", "5"}}).partitions[0].ahead == 5);
  CHECK(good("", {{"lease.enabled", "false"}}).lease.enabled == false);
  CHECK(good("", {{"log.level", "off"}}).log.level == LogLevel::off);
  CHECK(good("", {{"journal.table", ""}}).journal.table == std::nullopt);
  CHECK(good("", {{"log.level", "warn"}, {"log.level", "error"}}).log.level == LogLevel::error);
  const Settings made = good(file, {{"partition.1.table", "a.c"},
                                    {"partition.1.ahead", "1"},
                                    {"saturation.pool.0", "{name = \"api\", user = \"u\"}"}});
  REQUIRE(made.partitions.size() == 2);
  CHECK(made.partitions[1].table == TableName{"a", "c"});
  CHECK(made.partitions[1].ahead == 1);
  REQUIRE(made.saturation.pools.size() == 1);
  CHECK(made.saturation.pools[0].user == "u");
}

TEST_CASE("the value of an override is text wherever text is wanted") {
  for (const std::string value : {"2026", "true", "1.5", "2026-11-23", "inf", "a b", "it's",
                                  "a\nb = 1", "host=x port=1", "#x", "a\"b\\c"}) {
    CAPTURE(value);
    CHECK(good("", {{"lease.key", value}}).lease.key == value);
  }
  CHECK(good("", {{"lease.key", "\"quoted\""}}).lease.key == "quoted");
  CHECK(good("", {{"lease.key", "'raw'"}}).lease.key == "raw");
}

TEST_CASE("problems of an override name --set") {
  struct Row {
    Override override;
    std::string line;
  };
  for (const Row& row : {
           Row{{"partition.0.every", "5"},
               "--set: partition[0].every: \"5\" lacks a unit, write for example \"5s\""},
           Row{{"partition.0.evry", "5s"},
               "--set: partition[0].evry: unknown key, did you mean every"},
           Row{{"partition.0.ahead", "many"},
               "--set: partition[0].ahead: expected a whole number without quotes, found text"},
           Row{{"partition.2.every", "5s"},
               "--set: partition.2.every: partition has 1 so far, so the next is partition.1"},
           Row{{"partition.every", "5s"},
               "--set: partition.every: partition is a list, say which one: partition.0.every"},
           Row{{"database.dsn.host", "x"},
               "--set: database.dsn.host: database.dsn is text, not a section"},
           Row{{"", "x"}, "--set: is no key, write for example partition.0.every=\"1h\""},
           Row{{"a..b", "x"}, "--set: a..b: is no key, write for example partition.0.every=\"1h\""},
           Row{{"log.level", "\xFF"}, "--set: log.level: the value is not UTF-8 text"},
           Row{{"x\ny", "1"},
               "--set: \"x\\ny\": unknown key, those known here are database, "
               "http, log, lease, journal, archive, partition, outbox, saturation"},
           Row{{"outbox.every", "1s"},
               "--set: outbox: there may be several of these: write [[outbox]] (--set: "
               "outbox.0.KEY)"},
           Row{{"partition.0.retention", "30 days"},
               "--set: partition[0].retention: retention without expire: say \"drop\", \"detach\" "
               "or \"archive\""},
           Row{{"database.statement_timeout", "5s"},
               "--set: database.statement_timeout: lock_timeout 5s must be below "
               "database.statement_timeout 5s"},
       }) {
    const char* file =
        "[database]\ndsn = \"\"\n[[partition]]\ntable = \"a.b\"\nlock_timeout = \"5s\"\n";
    CHECK(lines(load(file, {row.override})) == std::vector<std::string>{row.line});
  }
}

TEST_CASE(
    "a contradiction is shown at the first key that --set gave, else the first that was written") {
  const std::string file = "[[saturation.pool]]\nname = \"a\"\nuser = \"a\"\ncritical = 0.8\n";
  const auto place = [&](const std::vector<Override>& overrides) {
    const Loaded loaded = load(file, overrides);
    REQUIRE(loaded.problems.size() == 1);
    return loaded.problems[0].source + ' ' + loaded.problems[0].key;
  };
  CHECK(place({{"saturation.pool.0.critical", "0.7"}}) == "--set saturation.pool[0].critical");
  CHECK(place({{"saturation.pool.0.critical", "0.7"}, {"saturation.pool.0.warn", "0.9"}}) ==
        "--set saturation.pool[0].warn");
  const Loaded written = load(file + "warn = 0.85\n");
  REQUIRE(written.problems.size() == 1);
  CHECK(written.problems[0].line_text() ==
        "t.toml:5:8: saturation.pool[0].warn: warn 0.85 must be below critical 0.8");
}

TEST_CASE("problems come in the order of the file, those of --set last") {
  const Loaded loaded = load("[log]\nlevel = \"x\"\n[database]\nconnections = 99\nrole = 1\n",
                             {{"http.listen", "nowhere"}});
  REQUIRE(loaded.problems.size() == 4);
  CHECK(loaded.problems[0].key == "log.level");
  CHECK(loaded.problems[1].key == "database.connections");
  CHECK(loaded.problems[2].key == "database.role");
  CHECK(loaded.problems[3].key == "http.listen");
}

TEST_CASE("a column counts characters") {
  const Loaded loaded = load("lease = {key = \"\u00e9\u00e9\", enabled = 1}\n");
  REQUIRE(loaded.problems.size() == 1);
  CHECK(loaded.problems[0].line == 1);
  CHECK(loaded.problems[0].column == 32);
}

TEST_CASE("a slip in a key is reported once, not also for what it would have said") {
  const Loaded loaded =
      load("[[partition]]\ntable = \"a.b\"\nretenton = \"30 days\"\nexpire = \"drop\"\n");
  CHECK(lines(loaded) ==
        std::vector<std::string>{"t.toml:3:1: partition[0].retenton: unknown key, did you mean "
                                 "retention"});
}

TEST_CASE("no value is quoted when the file is not TOML") {
  for (const std::string text :
       {"[database]\ndsn = hunter2", "[database]\ndsn = \"hunter2", "dsn = 99999999999999999999",
        "dsn = 'hunter2", "dsn = truehunter2", "dsn = \"a\" hunter2", "dsn = \"hunter2\\q\"",
        "dsn = 0xhunter2", "dsn = 1_hunter2", "dsn = 2026-13-hunter2", "dsn = [hunter2"}) {
    CAPTURE(text);
    const Loaded loaded = load(text);
    REQUIRE(loaded.problems.size() == 1);
    const std::string line = loaded.problems[0].line_text();
    CHECK(line.find("unter2") == std::string::npos);
    CHECK(line.find("9999") == std::string::npos);
    CHECK(line.find("not valid TOML") != std::string::npos);
    CHECK(loaded.problems[0].line >= 1);
  }
}

TEST_CASE("a file of any depth or length is refused rather than crashed on") {
  std::string deep = "[";
  for (int i = 0; i < 100000; ++i) {
    deep += "a.";
  }
  CHECK(load(deep + "a]\n").problems.size() == 1);
  CHECK(load(std::string(100000, '[')).problems.size() == 1);
  CHECK(load("a = " + std::string(8000, '[') + "\n").problems.size() == 1);
  std::string dotted = "[a" + std::string(4000, '.') + "]\n";
  CHECK(load(dotted).problems.size() == 1);
}

TEST_CASE("a file that cannot be read is a problem with the reason") {
  const auto folder = std::filesystem::temp_directory_path() / "pgcaretaker-load-test";
  std::filesystem::create_directories(folder);
  const std::string name = (folder / "config.toml").string();
  std::ofstream{name} << "[log]\nlevel = \"debug\"\n";
  CHECK(load_file(name, {}).settings.log.level == LogLevel::debug);
  std::ofstream{name} << std::string(1024 * 1024 + 1, '\n');
  CHECK(lines(load_file(name, {})) ==
        std::vector<std::string>{"cannot read \"" + name + "\": more than 1024 KiB"});
  std::filesystem::remove(name);
  CHECK(lines(load_file(name, {})) ==
        std::vector<std::string>{"cannot read \"" + name + "\": No such file or directory"});
  CHECK(lines(load_file(folder.string(), {})) ==
        std::vector<std::string>{"cannot read \"" + folder.string() + "\": not a file"});
  CHECK(load_file("/dev/null", {}).problems.empty());
  std::filesystem::remove_all(folder);
}
