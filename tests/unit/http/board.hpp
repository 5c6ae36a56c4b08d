// SPDX-License-Identifier: Apache-2.0
// A board as a working daemon would have it, for the tests of routes and page.
#pragma once

#include <string_view>

#include "http/routes.hpp"
#include "task/board.hpp"

namespace pgcaretaker::test {

/// 2026-11-23 14:25:00 UTC.
[[nodiscard]] UtcTime noon_of_the_tests();

/// The same instant on both clocks.
[[nodiscard]] http::Now now_of_the_tests();

/// Ready, with two partitioned tables, two outboxes and the pools.
[[nodiscard]] task::Board working_board();

/// One task that has just succeeded, with these details.
[[nodiscard]] task::Board board_with_details(std::string_view task, std::string_view details);

}  // namespace pgcaretaker::test
