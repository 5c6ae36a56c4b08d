// SPDX-License-Identifier: Apache-2.0
// A small file as text.
#pragma once

#include <string>

namespace pgcaretaker::config {

/// The content of `path`. When it cannot be read or has more than `most_bytes`, "" and `fault` says
/// why, with the path. Blocks on the file system.
[[nodiscard]] std::string read_file(const std::string& path, std::size_t most_bytes,
                                    std::string& fault);

}  // namespace pgcaretaker::config
