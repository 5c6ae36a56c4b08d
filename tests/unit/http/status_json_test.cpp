// SPDX-License-Identifier: Apache-2.0
// The shape of /status, field by field.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "board.hpp"
#include "http/routes.hpp"

namespace pgcaretaker::http {
namespace {

using nlohmann::json;
using test::now_of_the_tests;
using test::working_board;

json status_of(const task::Board& board) {
  return json::parse(status_json(board, now_of_the_tests()));
}

}  // namespace

TEST_CASE("status tells of the daemon itself") {
  const auto status = status_of(working_board());
  CHECK(status["version"] == "0.1.0");
  CHECK(status["now"] == "2026-11-23T14:25:00Z");
  CHECK(status["started"] == "2026-11-21T13:25:00Z");
  CHECK(status["uptime_seconds"] == 49 * 3600);
  CHECK(status["stopping"] == false);
  CHECK(status["ready"] == true);
  CHECK(status["reasons"] == json::array());
  CHECK(status["database"] == json{{"up", true},
                                   {"peer", "db1.internal:5432/caracal"},
                                   {"error", ""},
                                   {"server_version", 150020}});
  CHECK(status["lease"] == json{{"enabled", true}, {"held", true}});
  CHECK(status["config"] ==
        json{{"reload_ok", true}, {"loaded", "2026-11-21T13:25:00Z"}, {"error", ""}});
}

TEST_CASE("status says when it is not ready, with the reasons of /ready") {
  auto board = working_board();
  board.daemon.database_up = false;
  board.daemon.database_error = "refused";
  const auto status = status_of(board);
  CHECK(status["ready"] == false);
  CHECK(status["reasons"] == json(board.not_ready_reasons(now_of_the_tests().steady)));
}

TEST_CASE("tasks come in the order of the configuration") {
  const auto board = working_board();
  const auto status = status_of(board);
  REQUIRE(status["tasks"].size() == board.order.size());
  for (std::size_t i = 0; i < board.order.size(); ++i) {
    CHECK(status["tasks"][i]["task"] == board.order[i]);
  }
}

TEST_CASE("a long step under way says how far it has come") {
  auto board = working_board();
  board.tasks[board.order[0]].progress = task::StepProgress{"half of it", 0.5};
  CHECK(status_of(board)["tasks"][0]["progress"] == json{{"text", "half of it"}, {"ratio", 0.5}});
}

TEST_CASE("a task has its schedule, its last run and its details") {
  const auto task = status_of(working_board())["tasks"][0];
  CHECK(task["kind"] == "partition");
  CHECK(task["subject"] == "public.audit_events");
  CHECK(task["state"] == "waiting");
  CHECK(task["every_seconds"] == 21600.0);
  CHECK(task["deadline_seconds"] == 600.0);
  CHECK(task["next_run"] == "2026-11-23T17:25:00Z");
  CHECK(task["last_success"] == "2026-11-23T14:22:00Z");
  CHECK(task["runs"] == 12);
  CHECK(task["overruns"] == 0);
  CHECK(task["failures_in_a_row"] == 0);
  CHECK(task["progress"].is_null());
  CHECK(task["details"]["partitions"].size() == 17);
  const auto& run = task["last_run"];
  CHECK(run["started"] == "2026-11-23T14:22:00Z");
  CHECK(run["duration_seconds"] == 0.042);
  CHECK(run["outcome"] == "success");
  CHECK(run["error"] == "");
  CHECK(run["connection_lost"] == false);
  CHECK(run["deadline_passed"] == false);
  CHECK(run["acts"][0] ==
        json{{"action", "create"},
             {"subject", "public.audit_events_y2027m02"},
             {"result", "done"},
             {"reason", "the window must reach 3 intervals beyond the current one"},
             {"rows", 0},
             {"duration_seconds", 0.012},
             {"error", ""}});
  CHECK(run["findings"][0]["severity"] == "info");
  CHECK(run["findings"][0]["code"] == "retention_query");
  CHECK(run["findings"][0]["subject"] == "public.audit_events");
}

TEST_CASE("a task that never ran has nulls, not absent fields") {
  auto board = working_board();
  auto& entry = board.tasks.at("outbox:public.mail_outbox");
  entry.next_run.reset();
  entry.last_success.reset();
  const auto task = status_of(board)["tasks"][3];
  for (const auto* field : {"last_run", "next_run", "last_success", "details"}) {
    CAPTURE(field);
    REQUIRE(task.contains(field));
    CHECK(task[field].is_null());
  }
}

TEST_CASE("text that is not UTF-8 costs a letter, not the answer") {
  auto board = working_board();
  board.daemon.database_error = "Verbindung abgelehnt f\xFCr caretaker";
  CHECK(status_of(board)["database"]["error"] == "Verbindung abgelehnt f\xEF\xBF\xBDr caretaker");
}

TEST_CASE("a name in the order without an entry is left out") {
  auto board = working_board();
  board.order.insert(board.order.begin(), "partition:gone");
  CHECK(status_of(board)["tasks"].size() == board.order.size() - 1);
}

TEST_CASE("an empty board is a valid answer") {
  CHECK(status_of(task::Board{})["tasks"] == json::array());
}

}  // namespace pgcaretaker::http
