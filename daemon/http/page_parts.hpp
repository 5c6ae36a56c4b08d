// SPDX-License-Identifier: Apache-2.0
// The parts of the page: one task's card, what is drawn from its details, and the style. Pure.
#pragma once

#include <string>
#include <string_view>

#include "http/html.hpp"
#include "task/board.hpp"

namespace pgcaretaker::http {

/// `subject` is the task's name without its kind.
[[nodiscard]] std::string task_card(std::string_view subject, const task::TaskEntry& entry,
                                    UtcTime now);

/// Bounds as a row of cells (one a partition, its fill the share of rows), cover, default,
/// retention.
[[nodiscard]] std::string partition_part(const Json& details, UtcTime now);
/// One row a state: rows, age of the oldest, rows that are due.
[[nodiscard]] std::string outbox_part(const Json& details);
/// One bar a pool: connections by state against the limit.
[[nodiscard]] std::string pools_part(const Json& details);

/// "<dt>label</dt><dd>value</dd>"; `value_html` is markup already.
[[nodiscard]] std::string fact(std::string_view label, std::string_view value_html);

/// The style sheet, light and dark.
[[nodiscard]] std::string_view page_style();

}  // namespace pgcaretaker::http
