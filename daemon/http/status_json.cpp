// SPDX-License-Identifier: Apache-2.0
// The body of /status: the whole board as JSON.
#include <nlohmann/json.hpp>

#include "http/routes.hpp"
#include "postgres/timestamp.hpp"

namespace pgcaretaker::http {
namespace {

using Json = nlohmann::ordered_json;

double seconds(std::chrono::microseconds duration) {
  return std::chrono::duration<double>{duration}.count();
}

Json time_or_null(const std::optional<UtcTime>& time) {
  return time ? Json(pg::format_iso8601(*time)) : Json(nullptr);
}

Json act_json(const task::Act& act) {
  Json json;
  json["action"] = act.action;
  json["subject"] = act.subject;
  json["result"] = act.result;
  json["reason"] = act.reason;
  json["rows"] = act.rows;
  json["duration_seconds"] = seconds(act.duration);
  json["error"] = act.error;
  return json;
}

Json finding_json(const task::Finding& finding) {
  Json json;
  json["severity"] = task::severity_text(finding.severity);
  json["code"] = finding.code;
  json["subject"] = finding.subject;
  json["text"] = finding.text;
  return json;
}

Json report_json(const task::Report& report) {
  Json json;
  json["started"] = pg::format_iso8601(report.started);
  json["duration_seconds"] = seconds(report.duration);
  json["outcome"] = task::outcome_text(report.outcome);
  json["error"] = report.error;
  json["connection_lost"] = report.connection_lost;
  json["deadline_passed"] = report.deadline_passed;
  json["acts"] = Json::array();
  for (const auto& act : report.acts) {
    json["acts"].push_back(act_json(act));
  }
  json["findings"] = Json::array();
  for (const auto& finding : report.findings) {
    json["findings"].push_back(finding_json(finding));
  }
  return json;
}

Json task_json(const std::string& name, const task::TaskEntry& entry) {
  const auto colon = name.find(':');
  Json json;
  json["task"] = name;
  json["kind"] = name.substr(0, colon);
  json["subject"] = colon == std::string::npos ? std::string{} : name.substr(colon + 1);
  json["state"] = task::task_state_text(entry.state);
  json["every_seconds"] = seconds(entry.every);
  json["deadline_seconds"] = seconds(entry.deadline);
  json["next_run"] = time_or_null(entry.next_run);
  json["last_success"] = time_or_null(entry.last_success);
  json["runs"] = entry.runs;
  json["overruns"] = entry.overruns;
  json["failures_in_a_row"] = entry.failures_in_a_row;
  json["progress"] = entry.progress
                         ? Json{{"text", entry.progress->text}, {"ratio", entry.progress->ratio}}
                         : Json(nullptr);
  json["last_run"] = entry.last ? report_json(*entry.last) : Json(nullptr);
  json["details"] = entry.last ? entry.last->details.json() : Json(nullptr);
  return json;
}

Json daemon_json(const task::DaemonState& daemon, UtcTime now) {
  Json json;
  json["version"] = daemon.version;
  json["now"] = pg::format_iso8601(now);
  json["started"] = pg::format_iso8601(daemon.started);
  json["uptime_seconds"] =
      std::chrono::duration_cast<std::chrono::seconds>(now - daemon.started).count();
  json["stopping"] = daemon.stopping;
  auto& database = json["database"];
  database["up"] = daemon.database_up;
  database["peer"] = daemon.database_peer;
  database["error"] = daemon.database_error;
  database["server_version"] = daemon.server_version;
  auto& lease = json["lease"];
  lease["enabled"] = daemon.lease_enabled;
  lease["held"] = daemon.lease_held;
  auto& config = json["config"];
  config["reload_ok"] = daemon.config_reload_ok;
  config["loaded"] = pg::format_iso8601(daemon.config_loaded);
  config["error"] = daemon.config_error;
  return json;
}

}  // namespace

std::string status_json(const task::Board& board, Now now) {
  auto json = daemon_json(board.daemon, now.utc);
  const auto reasons = board.not_ready_reasons(now.steady);
  json["ready"] = reasons.empty();
  json["reasons"] = reasons;
  json["tasks"] = Json::array();
  for (const auto& name : board.order) {
    if (const auto entry = board.tasks.find(name); entry != board.tasks.end()) {
      json["tasks"].push_back(task_json(name, entry->second));
    }
  }
  // replace: a server's message in another encoding must not cost the whole answer.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace pgcaretaker::http
