// SPDX-License-Identifier: Apache-2.0
// Numbers of progress in words.
#include "archive/progress.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace pgcaretaker::archive {

double Progress::ratio() const {
  if (rows_total <= 0) return 0;
  return std::min(1.0, static_cast<double>(rows_done) / static_cast<double>(rows_total));
}

std::string progress_line(const Progress& progress) {
  constexpr double megabyte = 1e6;
  return fmt::format("{}: {}, {:.0f} % ({:.1f} MB)", progress.subject, progress.stage,
                     progress.ratio() * 100, static_cast<double>(progress.bytes_packed) / megabyte);
}

telemetry::Sample progress_sample(const std::string& table, const Progress* progress) {
  return {telemetry::Metric::archive_progress_ratio,
          {table},
          progress == nullptr ? 0 : progress->ratio()};
}

}  // namespace pgcaretaker::archive
