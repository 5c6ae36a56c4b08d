// SPDX-License-Identifier: Apache-2.0
// Reading an archive back: every byte, hashed, counted and compared with its manifest.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "archive/manifest.hpp"
#include "archive/packed_file.hpp"
#include "archive/progress.hpp"
#include "postgres/side_thread.hpp"

namespace pgcaretaker::archive {

/// A file that is being read on the side thread.
using SharedReader = std::shared_ptr<PackedReader>;
Awaitable<SharedReader> open_reader(pg::SideThread& thread, const std::string& folder,
                                    const FileFacts& file, std::size_t columns);

/// Reads all files in `folder` and says what is not as the manifest has it, one clause each; empty
/// = all is well. Does not throw for what is wrong with the archive. Memory is bounded, and the
/// loop is never held up. `progress` goes on from what it says.
Awaitable<std::vector<std::string>> verify(pg::SideThread& thread, const std::string& folder,
                                           const Manifest& manifest, Progress progress,
                                           const OnProgress& on_progress);

}  // namespace pgcaretaker::archive
