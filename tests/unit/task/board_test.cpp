// SPDX-License-Identifier: Apache-2.0
// When the daemon is ready, and why not.
#include "task/board.hpp"

#include <doctest/doctest.h>

using namespace pgcaretaker;
using namespace pgcaretaker::task;
using namespace std::chrono_literals;

namespace {

const SteadyTime started = SteadyTime{} + 24h;

Board healthy_board() {
  Board board;
  board.daemon.database_up = true;
  board.order = {"outbox:public.a"};
  auto& entry = board.tasks["outbox:public.a"];
  entry.silent_since = started;
  entry.every = 60s;
  entry.deadline = 600s;
  return board;
}

Report report_with(Severity severity) {
  Report report;
  report.findings.push_back(Finding{severity, "code", "public.a", "something is so"});
  return report;
}

}  // namespace

TEST_CASE("a daemon that has just started is ready") {
  CHECK(healthy_board().not_ready_reasons(started + 1s).empty());
}

TEST_CASE("a database that is down is a reason, with its error") {
  auto board = healthy_board();
  board.daemon.database_up = false;
  CHECK(board.not_ready_reasons(started).at(0) == "database is down: not connected yet");
  board.daemon.database_error = "connection refused";
  CHECK(board.not_ready_reasons(started).at(0) == "database is down: connection refused");
}

TEST_CASE("a task is overdue after its cadence, its deadline and a minute without success") {
  auto board = healthy_board();
  CHECK(board.not_ready_reasons(started + 720s).empty());
  CHECK(board.not_ready_reasons(started + 721s).at(0) ==
        "task outbox:public.a is overdue: no success for 721 s");
  board.tasks["outbox:public.a"].silent_since = started + 700s;
  CHECK(board.not_ready_reasons(started + 721s).empty());
}

TEST_CASE("a task that a reload brought after a long uptime is not overdue at once") {
  auto board = healthy_board();
  board.tasks["outbox:public.a"].silent_since = started + 30 * 24h;
  CHECK(board.not_ready_reasons(started + 30 * 24h + 1s).empty());
}

TEST_CASE("only a critical finding makes the daemon not ready") {
  auto board = healthy_board();
  board.tasks["outbox:public.a"].last = report_with(Severity::warning);
  CHECK(board.not_ready_reasons(started).empty());
  board.tasks["outbox:public.a"].last = report_with(Severity::critical);
  CHECK(board.not_ready_reasons(started).at(0) ==
        "task outbox:public.a needs a person: public.a: something is so");
}

TEST_CASE("a daemon that stops is not ready any more") {
  auto board = healthy_board();
  board.daemon.stopping = true;
  CHECK(board.not_ready_reasons(started).at(0) == "stopping");
}
