// SPDX-License-Identifier: Apache-2.0
// The bearer is accepted when it is the one, and only then.
#include "http/bearer.hpp"

#include <doctest/doctest.h>

namespace pgcaretaker::http {

TEST_CASE("texts are equal in constant time exactly when they are equal") {
  CHECK(equal_in_constant_time("secret", "secret"));
  CHECK(equal_in_constant_time("", ""));
  for (const auto* given : {"", "s", "secre", "secretx", "Secret", "secres", "xecret",
                            "secretsecret", "secretsecretsecret"}) {
    CAPTURE(given);
    CHECK_FALSE(equal_in_constant_time(given, "secret"));
  }
  CHECK_FALSE(equal_in_constant_time("x", ""));
}

TEST_CASE("a difference in any byte is seen") {
  const std::string expected(64, 'k');
  for (std::size_t at = 0; at < expected.size(); ++at) {
    for (unsigned bit = 1; bit < 256; bit <<= 1U) {
      auto given = expected;
      given[at] = static_cast<char>(static_cast<unsigned char>(given[at]) ^ bit);
      CHECK_FALSE(equal_in_constant_time(given, expected));
    }
  }
}

TEST_CASE("the scheme may be in any case and is followed by blanks") {
  const config::Secret secret{"t0ken="};
  for (const auto* header :
       {"Bearer t0ken=", "bearer t0ken=", "BEARER t0ken=", "bEaReR    t0ken="}) {
    CAPTURE(header);
    CHECK(bearer_matches(header, secret));
  }
  for (const auto* header :
       {"", "Bearer", "Bearer ", "Bearer  ",
        "t0ken=", "Basic t0ken=", "Bearert0ken=", "Bearer t0ken",
        "Bearer t0ken= ", "Bearer T0KEN=", " Bearer t0ken=", "Bearer Bearer t0ken="}) {
    CAPTURE(header);
    CHECK_FALSE(bearer_matches(header, secret));
  }
}

TEST_CASE("an empty secret lets nobody in") {
  CHECK_FALSE(bearer_matches("Bearer ", config::Secret{}));
  CHECK_FALSE(bearer_matches("Bearer x", config::Secret{}));
}

}  // namespace pgcaretaker::http
