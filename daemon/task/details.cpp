// SPDX-License-Identifier: Apache-2.0
// Details that are JSON already, and those that are not.
#include "task/details.hpp"

#include <memory>
#include <utility>

namespace pgcaretaker::task {

using nlohmann::ordered_json;

Details::Details(ordered_json json) {
  if (json.is_null()) return;
  make_ = [made = std::make_shared<const ordered_json>(std::move(json))] { return *made; };
}

ordered_json Details::json() const {
  return make_ ? make_() : ordered_json();
}

}  // namespace pgcaretaker::task
