// SPDX-License-Identifier: Apache-2.0
// What the page shows, and that nothing in it can become markup.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <vector>

#include "board.hpp"
#include "http/routes.hpp"
#include "postgres/timestamp.hpp"

namespace pgcaretaker::http {
namespace {

using namespace std::chrono_literals;
using test::board_with_details;
using test::noon_of_the_tests;
using test::now_of_the_tests;
using test::working_board;

std::string page(const task::Board& board) {
  return page_html(board, now_of_the_tests());
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
    ++found;
  }
  return found;
}

bool shows(const std::string& html, const std::string& part) {
  return count(html, part) > 0;
}

/// The insides of all tags, in order: `/p`, `i class="key"`.
std::vector<std::string> tags(const std::string& html) {
  std::vector<std::string> found;
  for (auto at = html.find('<'); at != std::string::npos; at = html.find('<', at + 1)) {
    const auto inside = html.substr(at + 1, html.find('>', at) - at - 1);
    if (!inside.starts_with('!')) {
      found.push_back(inside);
    }
  }
  return found;
}

/// Every start tag that is not void has its end tag, in order.
bool is_balanced(const std::string& html) {
  std::vector<std::string> open;
  for (const auto& tag : tags(html)) {
    const bool is_end = tag.starts_with('/');
    const auto name = tag.substr(is_end ? 1 : 0, tag.find(' '));
    if (name == "meta" || name == "link") {
      continue;
    }
    if (!is_end) {
      open.push_back(name);
    } else if (open.empty() || open.back() != name) {
      return false;
    } else {
      open.pop_back();
    }
  }
  return open.empty();
}

}  // namespace

TEST_CASE("the page shows every task, and is well formed") {
  const auto html = page(working_board());
  CHECK(is_balanced(html));
  for (const auto* text :
       {"public.audit_events", "public.sessions_log", "public.event_outbox", "public.mail_outbox",
        ">Partitioned tables<", ">Outboxes<", ">Connection pools<", "ran <time", "next <time",
        "every 6 h", "PostgreSQL 15.20", "held: this daemon acts", "pgcaretaker 0.1.0",
        "2026-11-23 14:25:00 UTC"}) {
    CAPTURE(text);
    CHECK(shows(html, text));
  }
  CHECK(count(html, "<article") == 5);
  // For a look with one's own eyes: the page as a file.
  if (const char* file = std::getenv("PGCARETAKER_PAGE_FILE")) {
    std::ofstream{file} << html;
  }
}

TEST_CASE("the page asks nothing of any other host and runs no script") {
  auto html = page(working_board());
  const std::string svg_namespace = "http://www.w3.org/2000/svg";
  html.erase(html.find(svg_namespace), svg_namespace.size());
  for (const auto* text : {"http:", "https:", "//", "<script", "@import", "url(", "<img"}) {
    CAPTURE(text);
    CHECK_FALSE(shows(html, text));
  }
  for (const auto& tag : tags(html)) {
    CAPTURE(tag);
    CHECK_FALSE(shows(tag, " on"));
  }
}

TEST_CASE("the overall state is the worst of what there is") {
  auto board = working_board();
  CHECK(shows(page(board), "<title>ready, 1 warning"));
  board.tasks.at("partition:public.sessions_log").last->findings.clear();
  CHECK(shows(page(board), "<title>ready ·"));
  board.daemon.database_up = false;
  board.daemon.database_error = "connection refused";
  const auto html = page(board);
  CHECK(shows(html, "<title>not ready"));
  CHECK(shows(html, R"(<ul class="banner )"));
  CHECK(shows(html, "database is down: connection refused"));
  board.daemon.stopping = true;
  CHECK(shows(page(board), "<title>stopping"));
}

TEST_CASE("outcomes and states have their words") {
  const auto badge = [](task::TaskState state, task::Outcome outcome) {
    auto board = board_with_details("x:y", "null");
    board.tasks.at("x:y").state = state;
    board.tasks.at("x:y").last->outcome = outcome;
    const auto html = page(board);
    const auto at = html.find(R"(</h3><span class="badge )");
    return html.substr(at, html.find("</span>", at) - at);
  };
  using task::Outcome;
  using task::TaskState;
  CHECK(badge(TaskState::waiting, Outcome::success).ends_with("ok\">success"));
  CHECK(badge(TaskState::waiting, Outcome::failure).ends_with("critical\">failure"));
  CHECK(badge(TaskState::waiting, Outcome::skipped).ends_with("\">watching only"));
  CHECK(badge(TaskState::waiting, Outcome::needs_person).ends_with("critical\">needs a person"));
  CHECK(badge(TaskState::running, Outcome::success).ends_with("\">running"));
  CHECK(badge(TaskState::waiting_for_database, Outcome::success)
            .ends_with("\">waiting for the database"));
}

TEST_CASE("how far a long step has come is on its card") {
  auto board = board_with_details("x:y", "null");
  CHECK_FALSE(shows(page(board), "half of it"));
  board.tasks.at("x:y").progress = task::StepProgress{"half of it", 0.5};
  CHECK(shows(page(board), "half of it"));
}

TEST_CASE("findings are shown, the worst first, and a flood of them is cut") {
  auto board = board_with_details("partition:public.t", "null");
  auto& findings = board.tasks.at("partition:public.t").last->findings;
  findings.push_back({task::Severity::info, "a", "s", "first text"});
  findings.push_back({task::Severity::critical, "b", "s", "second text"});
  auto html = page(board);
  CHECK(html.find("second text", html.find("<article")) < html.find("first text"));
  CHECK(shows(html, "[b]"));
  findings.resize(1000, {task::Severity::warning, "c", "s", "third text"});
  html = page(board);
  CHECK(shows(html, "and 950 more"));
  CHECK(html.size() < 40000);
}

TEST_CASE("a refused reload and a lease held elsewhere are said") {
  auto board = working_board();
  board.daemon.config_reload_ok = false;
  board.daemon.config_error = "x.toml:3:1: unknown key";
  board.daemon.lease_held = false;
  auto html = page(board);
  CHECK(shows(html, "last reload refused:"));
  CHECK(shows(html, "x.toml:3:1: unknown key"));
  CHECK(shows(html, "held elsewhere"));
  board.daemon.lease_enabled = false;
  CHECK(shows(page(board), "off: acts alone"));
}

TEST_CASE("partitions are cells in the order of their bounds") {
  const auto html = page(working_board());
  CHECK(count(html, R"(<i class="cell expired")") == 1);
  CHECK(count(html, R"(<i class="cell past")") == 13);
  CHECK(count(html, R"(<i class="cell current now")") == 1);
  CHECK(count(html, R"(<i class="cell ahead")") == 4);
  CHECK(count(html, R"(<i class="cell unrecognised")") == 1);
  CHECK(count(html, R"(<i class="cell missing)") == 2);
  // The gap that the present lies in carries the mark.
  CHECK(count(html, R"(<i class="cell missing now")") == 1);
  CHECK(html.find("2026-11-20 to 2026-11-21") < html.find("2026-11-21 to 2026-11-22"));
  CHECK(html.find("2026-11-21 to 2026-11-22") < html.find("2026-11-24 to 2026-11-25"));
  CHECK(shows(html, "unbounded to 2026-11-20: unrecognised"));
}

TEST_CASE("tables that are out of their parent are counted, until when and for good") {
  CHECK_FALSE(shows(page(working_board()), "Detached"));
  const auto board = board_with_details(
      "partition:public.t",
      R"({"partitions": [], "detached": [{"drop_due": "2026-12-03T00:00:00Z"}, {"drop_due": null},
                       {"drop_due": "2026-12-01T06:00:00Z"}]})");
  CHECK(shows(page(board), "<dd>2 to be dropped, the first from 2026-12-01 on, 1 kept</dd>"));
}

TEST_CASE("cover, default rows and retention are said in words") {
  const auto html = page(working_board());
  CHECK(shows(html, R"(97 d 9 h <span class="quiet">until 2027-03-01</span>)"));
  CHECK(shows(html, "<dd>0 rows</dd>"));
  CHECK(shows(html, R"(<b class="bad">~48.2 k rows</b>)"));
  CHECK(shows(html, "none: rows land in the default or are refused"));
  CHECK(shows(html, R"(back to 2025-11-23 <b class="warn">1 expired</b>)"));
  CHECK(shows(html, "kept for ever"));
}

TEST_CASE("ten thousand partitions make a page of bounded size that hides no gap") {
  std::string partitions;
  const auto start = std::chrono::floor<std::chrono::hours>(noon_of_the_tests()) - 9000h;
  const auto hour = [&](int at) { return pg::format_iso8601(start + std::chrono::hours{at}); };
  for (int i = 0; i < 10000; ++i) {
    if (i != 9990) {
      partitions +=
          fmt::format(R"({}{{"name": "p{}", "lower": "{}", "upper": "{}", "state": "attached",)"
                      R"("rows_estimate": 5, "bytes_estimate": 8192}})",
                      i == 0 ? "" : ",", i, hour(i), hour(i + 1));
    }
  }
  const auto html = page(board_with_details(
      "partition:public.t",
      fmt::format(R"({{"partitions": [{}], "missing": [{{"lower": "{}", "upper": "{}"}}]}})",
                  partitions, hour(9990), hour(9991))));
  CHECK(count(html, R"(<i class="cell )") <= 120);
  CHECK(count(html, R"(<i class="cell missing")") == 1);
  CHECK(count(html, R"( now")") == 1);
  CHECK(html.size() < 60000);
}

TEST_CASE("outbox states are a table") {
  const auto html = page(working_board());
  CHECK(shows(html, R"(</i>pending</th><td class="number">42</td><td class="number">3.4 s</td>)"
                    R"(<td class="number quiet">–</td>)"));
  CHECK(shows(html, R"(</i>done</th><td class="number">~10.5 M</td><td class="number">7 d</td>)"
                    R"(<td class="number">1,500</td>)"));
}

TEST_CASE("pools are bars with their level") {
  const auto html = page(working_board());
  CHECK(shows(html, R"(<section class="pool warn"><h4>api</h4><p class="use"><b>17</b> of 20)"));
  CHECK(shows(html, R"(<i class="active" style="width:40.00%" title="8 active">)"));
  CHECK(shows(html, R"(<span class="badge critical">critical</span>)"));
  CHECK(shows(html, "12 waiting"));
  CHECK(shows(html, "oldest transaction 4 min 22 s"));
}

TEST_CASE("a pool over its limit or without one stays inside its bar") {
  const auto html = page(board_with_details(
      "saturation:server",
      R"({"pools": [{"pool": "a", "limit": 0, "used": 5, "states": {"active": 5}},
                    {"pool": "b", "limit": 2, "used": 8, "ratio": 4, "states": {"idle": 8}}]})"));
  CHECK(count(html, "width:100.00%") == 2);
  CHECK(shows(html, "400 %"));
}

TEST_CASE("details that are null, empty or of wrong types still give a page") {
  for (const auto* details :
       {"null", "{}", "[]", "3", R"("text")", R"({"partitions": null})", R"({"partitions": []})",
        R"({"partitions": [null, 3, "x", [], {}], "missing": 7, "default": [], "retention": 1})",
        R"({"partitions": [{"name": 5, "lower": 5, "upper": "yesterday", "state": null}]})",
        R"({"states": [null, {"state": 3, "rows": "many"}]})", R"({"states": {}})",
        R"({"pools": [null, {"states": [1]}, {"states": {"active": "x"}, "level": 9}]})",
        R"({"partitions": [{"rows_estimate": -1}], "window_seconds": -3,)"
        R"("default": {"rows": -1}})"}) {
    CAPTURE(details);
    const auto html = page(board_with_details("partition:public.t", details));
    CHECK(is_balanced(html));
    CHECK(shows(html, "public.t"));
  }
}

TEST_CASE("an empty board gives a page") {
  CHECK(is_balanced(page(task::Board{})));
}

TEST_CASE("no name, reason, error or detail can become markup") {
  const std::string evil = R"("'><script>alert(1)</script><b x=")";
  const std::string evil_json = R"(\"'><script>alert(1)</script><b x=\")";
  const auto fill = [&](std::string text) {
    for (auto at = text.find('@'); at != std::string::npos; at = text.find('@')) {
      text.replace(at, 1, evil_json);
    }
    return text;
  };
  for (const auto* details :
       {R"({"interval": "@", "partitions": [)"
        R"({"name": "@", "lower": "@", "upper": "@", "state": "@"}]})",
        R"({"states": [{"state": "@", "rows": 1}]})",
        R"({"pools": [{"pool": "@", "limit": 5, "used": 1, "level": "@", "states": {"@": 1}}]})"}) {
    auto board = board_with_details("@kind:@", fill(details));
    auto entry = board.tasks.extract("@kind:@");
    entry.key() = evil + ":" + evil;
    board.order = {entry.key()};
    auto& report = *entry.mapped().last;
    report.error = evil;
    report.findings.push_back({task::Severity::critical, evil, evil, evil});
    report.acts.push_back({evil, evil, evil, evil, 1, Duration{1}, evil});
    entry.mapped().progress = task::StepProgress{evil, 0.5};
    board.tasks.insert(std::move(entry));
    board.daemon.version = evil;
    board.daemon.config_reload_ok = false;
    board.daemon.config_error = evil;
    board.daemon.database_peer = evil;
    auto html = page(board);
    CHECK(is_balanced(html));
    CHECK_FALSE(shows(html, "<script"));
    CHECK_FALSE(shows(html, "<b x"));
    board.daemon.database_up = false;
    board.daemon.database_error = evil;
    html = page(board);
    CHECK(is_balanced(html));
    CHECK_FALSE(shows(html, "<script"));
  }
}

}  // namespace pgcaretaker::http
