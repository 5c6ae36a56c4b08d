// SPDX-License-Identifier: Apache-2.0
// How batches grow and shrink.
#include <doctest/doctest.h>

#include "outbox/batch.hpp"

using namespace pgcaretaker::outbox;
using namespace std::chrono_literals;

TEST_CASE("a slow batch is halved, a fast one doubled, a fitting one kept") {
  CHECK(next_batch_blocks(64, 16ms) == 32);
  CHECK(next_batch_blocks(64, 15ms) == 64);
  CHECK(next_batch_blocks(64, 8ms) == 64);
  CHECK(next_batch_blocks(64, 7ms) == 128);
  CHECK(next_batch_blocks(64, 0ms) == 128);
}

TEST_CASE("a batch has at least one block and at most the maximum") {
  CHECK(next_batch_blocks(1, 10s) == 1);
  CHECK(next_batch_blocks(max_batch_blocks, 0ms) == max_batch_blocks);
  CHECK(next_batch_blocks(200, 0ms) == max_batch_blocks);
}

TEST_CASE("batches settle between half the target and the target") {
  std::int64_t blocks = first_batch_blocks;
  std::chrono::microseconds last{0};
  for (int i = 0; i < 20; ++i) {
    last = std::chrono::microseconds{blocks * 150};  // 0.15 ms a block
    blocks = next_batch_blocks(blocks, last);
  }
  CHECK(last <= batch_target);
  CHECK(last * 2 >= batch_target);
}
