// SPDX-License-Identifier: Apache-2.0
// Everything the rules of a plan look at.
#pragma once

#include "partition/draft.hpp"
#include "partition/steps.hpp"

namespace pgcaretaker::partition {

struct Inputs {
  const config::Partition& settings;
  const Snapshot& snapshot;
  const Draft& draft;
  const Answers& answers;
  const StepContext& context;
};

}  // namespace pgcaretaker::partition
