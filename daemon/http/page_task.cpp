// SPDX-License-Identifier: Apache-2.0
// One task's card: how its last pass went, when the next one is, findings, details, acts.
#include <fmt/format.h>

#include <algorithm>

#include "http/page_parts.hpp"

namespace pgcaretaker::http {
namespace {

// A page is for reading: beyond these /status has the rest.
constexpr std::size_t findings_at_most = 50;
constexpr std::size_t acts_at_most = 12;

/// What the task is doing, or how its last pass went: the badge of its card.
std::pair<const char*, std::string> badge(const task::TaskEntry& entry) {
  if (entry.state == task::TaskState::running) {
    return {"running", "running"};
  }
  if (entry.state == task::TaskState::waiting_for_database) {
    return {"warn", "waiting for the database"};
  }
  if (!entry.last) {
    return {"", "not run yet"};
  }
  switch (entry.last->outcome) {
    case task::Outcome::success:
      return {"ok", "success"};
    case task::Outcome::failure:
      return {"critical", "failure"};
    case task::Outcome::skipped:
      return {"", "watching only"};
    case task::Outcome::needs_person:
      break;
  }
  return {"critical", "needs a person"};
}

std::string schedule(const task::TaskEntry& entry, UtcTime now) {
  std::string html;
  if (entry.last) {
    html += fmt::format("ran {} in {} · ", time_element(entry.last->started, now),
                        human_duration(std::chrono::duration_cast<Duration>(entry.last->duration)));
  }
  if (entry.next_run) {
    html += "next " + time_element(*entry.next_run, now) + " · ";
  }
  return html + "every " + human_duration(entry.every);
}

std::string findings_html(std::vector<task::Finding> findings) {
  if (findings.empty()) {
    return {};
  }
  std::stable_sort(findings.begin(), findings.end(),
                   [](const auto& a, const auto& b) { return a.severity > b.severity; });
  std::string html = R"(<ul class="findings">)";
  for (std::size_t i = 0; i < std::min(findings.size(), findings_at_most); ++i) {
    const auto& finding = findings[i];
    const char* level = finding.severity == task::Severity::critical  ? "critical"
                        : finding.severity == task::Severity::warning ? "warn"
                                                                      : "";
    html += fmt::format(R"(<li><span class="badge {}">{}</span><p><span class="quiet">[{}]</span>)"
                        R"( <b>{}</b> {}</p></li>)",
                        level, task::severity_text(finding.severity), escape_html(finding.code),
                        escape_html(finding.subject), escape_html(finding.text));
  }
  if (findings.size() > findings_at_most) {
    html += fmt::format(R"(<li><span></span><p class="quiet">and {} more</p></li>)",
                        findings.size() - findings_at_most);
  }
  return html + "</ul>";
}

std::string act_html(const task::Act& act) {
  auto html = fmt::format("<li><b>{}</b> {} <span class=\"quiet\">{}{}, {}</span>",
                          escape_html(act.action), escape_html(act.subject),
                          act.result == "done" ? "" : escape_html(act.result) + ", ",
                          escape_html(act.reason), human_duration(act.duration));
  if (act.rows != 0) {
    html += fmt::format(" <span class=\"quiet\">· {} rows</span>",
                        human_count(static_cast<double>(act.rows), false));
  }
  if (!act.error.empty()) {
    html += R"( <span class="error">)" + escape_html(act.error) + "</span>";
  }
  return html + "</li>";
}

std::string acts_html(const std::vector<task::Act>& acts) {
  if (acts.empty()) {
    return {};
  }
  std::string html = R"(<ul class="acts">)";
  for (std::size_t i = 0; i < std::min(acts.size(), acts_at_most); ++i) {
    html += act_html(acts[i]);
  }
  if (acts.size() > acts_at_most) {
    html += fmt::format(R"(<li class="quiet">and {} more</li>)", acts.size() - acts_at_most);
  }
  return html + "</ul>";
}

std::string details_html(const Json& details, UtcTime now) {
  if (member(details, "partitions").is_array()) {
    return partition_part(details, now);
  }
  if (member(details, "states").is_array()) {
    return outbox_part(details);
  }
  return member(details, "pools").is_array() ? pools_part(details) : std::string{};
}

}  // namespace

std::string task_card(std::string_view subject, const task::TaskEntry& entry, UtcTime now) {
  const auto [level, word] = badge(entry);
  auto html =
      fmt::format(R"(<article class="card"><header><h3>{}</h3><span class="badge {}">{}</span>)"
                  R"(<span class="quiet">{}</span></header>)",
                  escape_html(subject), level, word, schedule(entry, now));
  if (entry.progress) {
    html += R"(<p class="quiet">)" + escape_html(entry.progress->text) + "</p>";
  }
  if (entry.last) {
    const auto& last = *entry.last;
    if (!last.error.empty()) {
      html += R"(<p class="error">)" + escape_html(last.error) + "</p>";
    }
    html += findings_html(last.findings) + details_html(last.details.json(), now) +
            acts_html(last.acts);
  }
  return html + "</article>";
}

std::string fact(std::string_view label, std::string_view value_html) {
  return fmt::format("<div><dt>{}</dt><dd>{}</dd></div>", label, value_html);
}

}  // namespace pgcaretaker::http
