// SPDX-License-Identifier: Apache-2.0
// How far the work on an archive has come: for a metric, /status and a terminal. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "telemetry/metric.hpp"

namespace pgcaretaker::archive {

struct Progress {
  std::string subject;            // the table or the archive
  std::string stage;              // "writing data.bin.zst", "reading back data.csv.zst"
  std::int64_t rows_done = 0;     // of all files, written and read back
  std::int64_t rows_total = 0;    // the same; exact, since rows are counted first
  std::int64_t bytes_packed = 0;  // of the file at hand, compressed

  /// 0 to 1.
  [[nodiscard]] double ratio() const;
};

/// Called on the loop after each MiB or so. May throw Interruption, which ends the work.
using OnProgress = std::function<void(const Progress&)>;

/// "public.audit_2024_01: writing data.bin.zst, 37 % (12.5 MB)", on one line.
[[nodiscard]] std::string progress_line(const Progress& progress);

/// pgcaretaker_archive_progress_ratio of the configured `table`; with nullptr: none is being
/// written.
[[nodiscard]] telemetry::Sample progress_sample(const std::string& table, const Progress* progress);

}  // namespace pgcaretaker::archive
