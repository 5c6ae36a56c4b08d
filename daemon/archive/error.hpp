// SPDX-License-Identifier: Apache-2.0
// The one error of this room that is not PostgreSQL's.
#pragma once

#include <stdexcept>

namespace pgcaretaker::archive {

/// what() is one line for a person: what, where, and what to do where that is known.
struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// What ends by itself: the table is another one or attached by now, another process archives into
/// the same folder, or we were told to stop. A later try finds it otherwise.
struct Interruption : Error {
  using Error::Error;
};

}  // namespace pgcaretaker::archive
