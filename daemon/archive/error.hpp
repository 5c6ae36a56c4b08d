// SPDX-License-Identifier: Apache-2.0
// The one error of this room that is not PostgreSQL's.
#pragma once

#include <stdexcept>

namespace pgcaretaker::archive {

/// what() is one line for a person: what, where, and what to do where that is known.
struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace pgcaretaker::archive
