// SPDX-License-Identifier: Apache-2.0
// Details are JSON when somebody asks, and not before.
#include "task/details.hpp"

#include <doctest/doctest.h>

#include <memory>

using namespace pgcaretaker::task;
using Json = nlohmann::ordered_json;

TEST_CASE("details that nobody set are null") {
  const Details nothing;
  CHECK(nothing.is_null());
  CHECK(nothing.json().is_null());
  CHECK(Details{Json()}.is_null());
}

TEST_CASE("details that are JSON already stay as they are") {
  const Json json{{"b", 1}, {"a", {1, 2}}};
  const Details details{json};
  CHECK_FALSE(details.is_null());
  CHECK(details.json() == json);
}

TEST_CASE("JSON is made at every call and at no other time") {
  const auto made = std::make_shared<int>(0);
  Details first{[made] { return Json{{"made", ++*made}}; }};
  const Details copy = first;
  const Details moved = std::move(first);
  CHECK_FALSE(copy.is_null());
  CHECK(*made == 0);
  CHECK(copy.json()["made"] == 1);
  CHECK(moved.json()["made"] == 2);
}
