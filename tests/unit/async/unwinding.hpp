// SPDX-License-Identifier: Apache-2.0
// Tells that a coroutine's frame was unwound.
#pragma once

namespace pgcaretaker::test {

struct Unwinding {
  bool& flag;
  ~Unwinding() { flag = true; }
};

}  // namespace pgcaretaker::test
