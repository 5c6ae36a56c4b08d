// SPDX-License-Identifier: Apache-2.0
// A board as a working daemon would have it, for the tests of routes and page.
#include "board.hpp"

#include <fmt/format.h>

namespace pgcaretaker::test {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::ordered_json;

Json monthly_details() {
  auto details = Json::parse(R"({
    "table": "public.audit_events", "interval": "1 month", "now": "2026-11-23T14:22:00Z",
    "window_until": "2027-03-01T00:00:00Z", "window_seconds": 8415480,
    "default": {"name": "public.audit_events_default", "rows": 0, "rows_are_estimate": false},
    "partitions": [], "missing": [],
    "retention": {"cutoff": "2025-11-23T14:22:00Z", "expired": 1}})");
  for (int i = 0; i < 17; ++i) {
    const auto month = [](int at) {
      return fmt::format("{}-{:02}-01T00:00:00Z", 2025 + (9 + at) / 12, (9 + at) % 12 + 1);
    };
    Json partition;
    partition["name"] = fmt::format("public.audit_events_{}", month(i).substr(0, 7));
    partition["lower"] = month(i);
    partition["upper"] = month(i + 1);
    partition["state"] = i == 0 ? "expired" : "attached";
    partition["rows_estimate"] =
        i > 13 ? 0 : 900000 + 70000 * ((i * 7) % 11) - (i == 13 ? 400000 : 0);
    partition["bytes_estimate"] = partition["rows_estimate"].get<long>() * 210;
    details["partitions"].push_back(partition);
  }
  return details;
}

Json gappy_details() {
  return Json::parse(R"({
    "table": "public.sessions_log", "interval": "1 day", "now": "2026-11-23T14:22:00Z",
    "window_until": null, "window_seconds": 0,
    "default": {"name": "public.sessions_log_default", "rows": 48210, "rows_are_estimate": true},
    "partitions": [
      {"name": "public.sessions_log_0", "lower": null, "upper": "2026-11-20T00:00:00Z",
       "state": "unrecognised", "rows_estimate": 51000, "bytes_estimate": 9000000},
      {"name": "public.sessions_log_20", "lower": "2026-11-20T00:00:00Z",
       "upper": "2026-11-21T00:00:00Z", "state": "attached", "rows_estimate": 20000,
       "bytes_estimate": 4000000},
      {"name": "public.sessions_log_24", "lower": "2026-11-24T00:00:00Z",
       "upper": "2026-11-25T00:00:00Z", "state": "attached", "rows_estimate": -1,
       "bytes_estimate": 8192}],
    "missing": [
      {"name": "public.sessions_log_21", "lower": "2026-11-21T00:00:00Z",
       "upper": "2026-11-22T00:00:00Z"},
      {"name": "public.sessions_log_22", "lower": "2026-11-22T00:00:00Z",
       "upper": "2026-11-24T00:00:00Z"}],
    "retention": {"cutoff": null, "expired": 0}})");
}

Json outbox_details() {
  return Json::parse(R"({"table": "public.event_outbox", "states": [
    {"state": "pending", "rows": 42, "rows_are_estimate": false, "oldest_seconds": 3.4,
     "due_rows": null},
    {"state": "done", "rows": 10482113, "rows_are_estimate": true, "oldest_seconds": 604800,
     "due_rows": 1500},
    {"state": "dead", "rows": 7, "rows_are_estimate": false, "oldest_seconds": 1036800,
     "due_rows": 0}]})");
}

Json pool_details() {
  return Json::parse(R"({"pools": [
    {"pool": "server", "limit": 97, "used": 41, "ratio": 0.4227, "level": "ok",
     "states": {"active": 9, "idle": 30, "idle in transaction": 2}, "waiting": 0,
     "oldest_transaction_seconds": 4.2},
    {"pool": "api", "limit": 20, "used": 17, "ratio": 0.85, "level": "warn",
     "states": {"active": 8, "idle": 5, "idle in transaction": 4}, "waiting": 3,
     "oldest_transaction_seconds": 262},
    {"pool": "edge", "limit": 10, "used": 10, "ratio": 1.0, "level": "critical",
     "states": {"active": 10, "fastpath function call": 0}, "waiting": 12,
     "oldest_transaction_seconds": null}]})");
}

void add(task::Board& board, const std::string& name, Duration every, Json details) {
  const auto now = noon_of_the_tests();
  task::TaskEntry entry;
  entry.every = every;
  entry.deadline = 10min;
  entry.next_run = now + every / 2;
  entry.last_success = now - 3min;
  entry.silent_since = now_of_the_tests().steady - 3min;
  entry.runs = 12;
  auto& report = entry.last.emplace();
  report.task = name;
  report.started = now - 3min;
  report.duration = 42ms;
  report.details = task::Details{std::move(details)};
  board.order.push_back(name);
  board.tasks.emplace(name, std::move(entry));
}

task::Board empty_board() {
  task::Board board;
  auto& daemon = board.daemon;
  daemon.version = "0.1.0";
  daemon.started = noon_of_the_tests() - 49h;
  daemon.database_up = true;
  daemon.database_peer = "db1.internal:5432/caracal";
  daemon.server_version = 150020;
  daemon.lease_held = true;
  daemon.config_loaded = noon_of_the_tests() - 49h;
  return board;
}

}  // namespace

UtcTime noon_of_the_tests() {
  return UtcTime{std::chrono::sys_days{std::chrono::year{2026} / 11 / 23}} + 14h + 25min;
}

http::Now now_of_the_tests() {
  return {noon_of_the_tests(), SteadyTime{} + 1h};
}

task::Board working_board() {
  auto board = empty_board();
  add(board, "partition:public.audit_events", 6h, monthly_details());
  add(board, "partition:public.sessions_log", 6h, gappy_details());
  add(board, "outbox:public.event_outbox", 1min, outbox_details());
  add(board, "outbox:public.mail_outbox", 1min, nullptr);
  add(board, "saturation:server", 10s, pool_details());
  auto& audit = *board.tasks.at("partition:public.audit_events").last;
  audit.acts.push_back({"create", "public.audit_events_y2027m02", "done",
                        "the window must reach 3 intervals beyond the current one", 0, 12ms, ""});
  audit.acts.push_back(
      {"drop", "public.audit_events_y2025m10", "yielded", "past its retention", 0, 51ms, ""});
  audit.findings.push_back({task::Severity::info, "retention_query", "public.audit_events",
                            "retention is 365 days; the query asks for 400, which is longer"});
  auto& log = *board.tasks.at("partition:public.sessions_log").last;
  log.findings.push_back({task::Severity::warning, "default_rows", "public.sessions_log_default",
                          "about 48,210 rows lie in the default partition; they are in the way of "
                          "2 missing partitions"});
  auto& outbox = *board.tasks.at("outbox:public.event_outbox").last;
  outbox.acts.push_back({"sweep", "done", "done", "1,500 rows are past 7 days", 1500, 230ms, ""});
  auto& mail = board.tasks.at("outbox:public.mail_outbox");
  mail.state = task::TaskState::running;
  mail.last.reset();
  return board;
}

task::Board board_with_details(std::string_view task, std::string_view details) {
  auto board = empty_board();
  add(board, std::string{task}, 1h, Json::parse(details));
  return board;
}

}  // namespace pgcaretaker::test
