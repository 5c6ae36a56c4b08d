// SPDX-License-Identifier: Apache-2.0
// The page for a person: overall state, what needs attention, then every task.
#include <fmt/format.h>

#include <algorithm>

#include "http/page_parts.hpp"
#include "http/routes.hpp"
#include "postgres/timestamp.hpp"

namespace pgcaretaker::http {
namespace {

// Often enough to watch a drain, rare enough to read in peace.
constexpr int refresh_seconds = 30;

struct Overall {
  const char* level;   // ok, warn, critical: a class of the style sheet
  const char* colour;  // of the icon in the tab, the same in light and dark
  std::string text;
};

std::size_t warnings(const task::Board& board) {
  std::size_t count = 0;
  for (const auto& [name, entry] : board.tasks) {
    if (entry.last) {
      count += static_cast<std::size_t>(std::count_if(
          entry.last->findings.begin(), entry.last->findings.end(),
          [](const task::Finding& finding) { return finding.severity != task::Severity::info; }));
    }
  }
  return count;
}

Overall overall(const task::Board& board, SteadyTime now) {
  if (board.daemon.stopping) {
    return {"warn", "%23d08a1c", "stopping"};
  }
  if (!board.not_ready_reasons(now).empty()) {
    return {"critical", "%23d23b32", "not ready"};
  }
  const auto count = warnings(board);
  if (count > 0) {
    return {"warn", "%23d08a1c", fmt::format("ready, {} warning{}", count, count == 1 ? "" : "s")};
  }
  return {"ok", "%232a9d5c", "ready"};
}

std::string database_text(const task::DaemonState& daemon) {
  if (!daemon.database_up) {
    return R"(<b class="bad">down</b> )" + escape_html(daemon.database_error);
  }
  const auto version = daemon.server_version;
  return escape_html(daemon.database_peer) +
         (version > 0 ? fmt::format(R"( <span class="quiet">PostgreSQL {}.{}</span>)",
                                    version / 10000, version % 10000)
                      : "");
}

std::string lease_text(const task::DaemonState& daemon) {
  if (!daemon.lease_enabled) {
    return "off: acts alone";
  }
  return daemon.lease_held ? "held: this daemon acts" : "held elsewhere: this daemon watches";
}

std::string config_text(const task::DaemonState& daemon, UtcTime now) {
  const auto loaded = "loaded " + time_element(daemon.config_loaded, now);
  return daemon.config_reload_ok
             ? loaded
             : R"(<b class="warn">last reload refused:</b> )" + escape_html(daemon.config_error) +
                   R"( <span class="quiet">(in effect: )" + loaded + ")</span>";
}

std::string banner(const task::Board& board, SteadyTime now) {
  const auto reasons = board.not_ready_reasons(now);
  if (reasons.empty()) {
    return {};
  }
  std::string html =
      fmt::format(R"(<ul class="banner {}" role="status">)", board.daemon.stopping ? "warn" : "");
  for (const auto& reason : reasons) {
    html += "<li>" + escape_html(reason) + "</li>";
  }
  return html + "</ul>";
}

std::string title_of(std::string_view kind) {
  if (kind == "partition") {
    return "Partitioned tables";
  }
  if (kind == "outbox") {
    return "Outboxes";
  }
  return kind == "saturation" ? "Connection pools" : escape_html(kind);
}

/// Tasks in their order; a heading where the kind changes.
std::string cards(const task::Board& board, UtcTime now) {
  std::string html;
  std::string_view kind_before;
  for (const std::string_view name : board.order) {
    const auto entry = board.tasks.find(std::string{name});
    if (entry == board.tasks.end()) {
      continue;
    }
    const auto colon = name.find(':');
    const auto kind = name.substr(0, colon);
    if (kind != kind_before) {
      html += "<h2>" + title_of(kind) + "</h2>";
      kind_before = kind;
    }
    html += task_card(colon == std::string_view::npos ? name : name.substr(colon + 1),
                      entry->second, now);
  }
  return html;
}

std::string head(const Overall& state) {
  return fmt::format(
      R"(<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">)"
      R"(<meta name="viewport" content="width=device-width,initial-scale=1">)"
      R"(<meta http-equiv="refresh" content="{}"><title>{} · pgcaretaker</title>)"
      R"(<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' )"
      R"(viewBox='0 0 16 16'%3E%3Ccircle cx='8' cy='8' r='7' fill='{}'/%3E%3C/svg%3E">)"
      R"(<style>{}</style></head><body>)",
      refresh_seconds, state.text, state.colour, page_style());
}

}  // namespace

std::string page_html(const task::Board& board, Now now) {
  const auto state = overall(board, now.steady);
  const auto& daemon = board.daemon;
  auto html = head(state);
  html += fmt::format(R"(<header class="top"><h1>pgcaretaker</h1><span class="badge {}">{}</span>)"
                      R"(<span class="quiet">{} UTC</span></header>)",
                      state.level, state.text,
                      pg::format_iso8601(now.utc).substr(0, 19).replace(10, 1, " "));
  html +=
      banner(board, now.steady) + R"(<main><h2>Daemon</h2><div class="card"><dl class="facts">)";
  html += fact("Database", database_text(daemon)) + fact("Lease", lease_text(daemon)) +
          fact("Configuration", config_text(daemon, now.utc)) +
          fact("Running",
               human_duration(std::chrono::duration_cast<Duration>(now.utc - daemon.started)));
  html += "</dl></div>" + cards(board, now.utc) + "</main>";
  html += fmt::format(
      R"(<footer><span>pgcaretaker {}</span><a href="/status">status as JSON</a>)"
      R"(<a href="/metrics">metrics</a><span>refreshes every {} s</span></footer></body></html>)",
      escape_html(daemon.version), refresh_seconds);
  return html + "\n";
}

}  // namespace pgcaretaker::http
