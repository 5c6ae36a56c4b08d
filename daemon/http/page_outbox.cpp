// SPDX-License-Identifier: Apache-2.0
// The states of one outbox as a table.
#include <fmt/format.h>

#include "http/page_parts.hpp"

namespace pgcaretaker::http {
namespace {

constexpr const char* no_value = R"(<td class="number quiet">–</td>)";

std::string number_cell(const std::optional<double>& value, bool is_estimate) {
  return value ? fmt::format(R"(<td class="number">{}</td>)", human_count(*value, is_estimate))
               : no_value;
}

std::string age_cell(const std::optional<double>& seconds) {
  return seconds ? fmt::format(R"(<td class="number">{}</td>)", human_seconds(*seconds)) : no_value;
}

}  // namespace

std::string outbox_part(const Json& details) {
  std::string html =
      R"(<table><thead><tr><th>State</th><th class="number">Rows</th>)"
      R"(<th class="number">Oldest</th><th class="number">Due now</th></tr></thead><tbody>)";
  for (const auto& state : member(details, "states")) {
    const auto name = text_of(state, "state");
    const char* key = name == "pending" ? "pending" : name == "dead" ? "dead" : "done";
    html +=
        fmt::format(R"(<tr><th scope="row"><i class="key {}"></i>{}</th>)", key, escape_html(name));
    html += number_cell(number_of(state, "rows"), flag_of(state, "rows_are_estimate"));
    html += age_cell(number_of(state, "oldest_seconds"));
    html += number_cell(number_of(state, "due_rows"), false) + "</tr>";
  }
  return html + "</tbody></table>";
}

}  // namespace pgcaretaker::http
