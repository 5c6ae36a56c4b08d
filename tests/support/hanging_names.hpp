// SPDX-License-Identifier: Apache-2.0
// A name service that does not answer for some names, as long as this object lives.
#pragma once

#include <atomic>
#include <future>
#include <memory>
#include <string>

#include "postgres/resolver.hpp"

namespace pgcaretaker::test {

class HangingNames {
 public:
  ~HangingNames() { released_.set_value(); }

  /// Blocks for a name that begins with "dead"; looks up everything else for real.
  [[nodiscard]] pg::LookUp look_up() {
    return [gone = released_.get_future().share(), begun = begun_](const std::string& host) {
      ++*begun;
      if (host.starts_with("dead")) gone.wait();
      return pg::look_up(host);
    };
  }
  /// Look-ups that were begun so far.
  [[nodiscard]] int begun() const { return *begun_; }

 private:
  std::promise<void> released_;
  std::shared_ptr<std::atomic<int>> begun_ = std::make_shared<std::atomic<int>>(0);
};

}  // namespace pgcaretaker::test
