// SPDX-License-Identifier: Apache-2.0
// Connection pools as bars: who holds the slots, and how near the limit is.
#include <fmt/format.h>

#include <algorithm>

#include "http/page_parts.hpp"

namespace pgcaretaker::http {
namespace {

const char* state_class(std::string_view state) {
  if (state == "active") {
    return "active";
  }
  if (state.starts_with("idle in transaction")) {
    return "stuck";
  }
  return state == "idle" ? "idle" : "other";
}

const char* level_class(std::string_view level) {
  return level == "critical" ? "critical" : level == "warn" ? "warn" : "ok";
}

/// States that hold at least one slot.
std::vector<std::pair<std::string, double>> held(const Json& pool) {
  std::vector<std::pair<std::string, double>> states;
  const auto& all = member(pool, "states");
  if (!all.is_object()) {
    return states;
  }
  for (const auto& [state, count] : all.items()) {
    if (count.is_number() && count.get<double>() > 0) {
      states.emplace_back(state, count.get<double>());
    }
  }
  return states;
}

std::string bar(const Json& pool, double used, double limit) {
  const double whole = std::max(std::max(limit, used), 1.0);
  std::string html =
      fmt::format(R"(<div class="bar" role="meter" aria-label="connections" aria-valuemin="0" )"
                  R"(aria-valuemax="{:.0f}" aria-valuenow="{:.0f}">)",
                  whole, used);
  for (const auto& [state, count] : held(pool)) {
    html += fmt::format(R"(<i class="{}" style="width:{:.2f}%" title="{} {}"></i>)",
                        state_class(state), std::min(100 * count / whole, 100.0),
                        human_count(count, false), escape_html(state));
  }
  return html + "</div>";
}

std::string held_legend(const Json& pool) {
  std::string html = R"(<ul class="legend">)";
  for (const auto& [state, count] : held(pool)) {
    html += fmt::format(R"(<li><i class="key {}"></i>{} {}</li>)", state_class(state),
                        human_count(count, false), escape_html(state));
  }
  if (const auto waiting = number_of(pool, "waiting").value_or(0); waiting > 0) {
    html += fmt::format(R"(<li class="warn">{} waiting</li>)", human_count(waiting, false));
  }
  if (const auto oldest = number_of(pool, "oldest_transaction_seconds")) {
    html += fmt::format("<li>oldest transaction {}</li>", human_seconds(*oldest));
  }
  return html + "</ul>";
}

std::string pool_html(const Json& pool) {
  const auto level = text_of(pool, "level");
  const double used = number_of(pool, "used").value_or(0);
  const double limit = number_of(pool, "limit").value_or(0);
  const double ratio = number_of(pool, "ratio").value_or(limit > 0 ? used / limit : 0);
  return fmt::format(
             R"(<section class="pool {0}"><h4>{1}</h4><p class="use"><b>{2}</b> of {3})"
             R"(<span class="quiet"> · {4:.0f} %</span></p><span class="badge {0}">{5}</span>)",
             level_class(level), escape_html(text_of(pool, "pool")), human_count(used, false),
             human_count(limit, false), 100 * ratio,
             escape_html(level.empty() ? "unknown" : level)) +
         bar(pool, used, limit) + held_legend(pool) + "</section>";
}

}  // namespace

std::string pools_part(const Json& details) {
  std::string html = R"(<div class="pools">)";
  for (const auto& pool : member(details, "pools")) {
    html += pool_html(pool);
  }
  return html + "</div>";
}

}  // namespace pgcaretaker::http
