// SPDX-License-Identifier: Apache-2.0
// A plan's gauges and its part of /status. Pure.
#pragma once

#include "partition/draft.hpp"
#include "task/details.hpp"
#include "telemetry/metric.hpp"

namespace pgcaretaker::partition {

/// partitions by state, window, default rows, overdue retention. A value that could not be observed
/// has no sample.
[[nodiscard]] telemetry::Samples gauges(const config::Partition& settings, const Snapshot& snapshot,
                                        const Draft& draft, const Answers& answers);

/// {"table","interval","now","window_until","window_seconds","default","partitions","missing",
/// "detached","retention"}; times are ISO 8601 with Z. Null: a bound that is not finite, an
/// estimate the server has not made, a window without end.
[[nodiscard]] task::Details details(const config::Partition& settings, const Snapshot& snapshot,
                                    const Draft& draft, const Answers& answers);

}  // namespace pgcaretaker::partition
