// SPDX-License-Identifier: Apache-2.0
// A finished pass onto the board and into the metrics.
#pragma once

#include "task/board.hpp"
#include "task/report.hpp"
#include "telemetry/metrics.hpp"

namespace pgcaretaker::task {

/// `report` becomes the latest of its task. A task that is no longer on the board is ignored.
void publish(const Report& report, Board& board, telemetry::Metrics& metrics);

/// What a pass has observed, before it acts: the gauges show it, however long the acts take.
void publish_observation(const Report& report, const Board& board, telemetry::Metrics& metrics);

/// How far a long step of `task` has come; gone with the end of its pass.
void publish_progress(const std::string& task, const StepProgress& progress, SteadyTime now,
                      Board& board, telemetry::Metrics& metrics);

}  // namespace pgcaretaker::task
