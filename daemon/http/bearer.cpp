// SPDX-License-Identifier: Apache-2.0
// Does a request carry the bearer that was configured? Answered in constant time.
#include "http/bearer.hpp"

#include <algorithm>

namespace pgcaretaker::http {
namespace {

char lower(char letter) {
  return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
}

bool starts_with_scheme(std::string_view authorization) {
  constexpr std::string_view scheme = "bearer ";
  return authorization.size() > scheme.size() &&
         std::equal(scheme.begin(), scheme.end(), authorization.begin(),
                    [](char wanted, char given) { return wanted == lower(given); });
}

}  // namespace

bool equal_in_constant_time(std::string_view given, std::string_view expected) {
  if (expected.empty()) {
    return given.empty();
  }
  // volatile: the compiler may not leave the loop once the answer is known.
  volatile unsigned difference = given.size() == expected.size() ? 0U : 1U;
  for (std::size_t i = 0; i < given.size(); ++i) {
    const auto left = static_cast<unsigned char>(given[i]);
    const auto right = static_cast<unsigned char>(expected[i % expected.size()]);
    difference = difference | static_cast<unsigned>(left ^ right);
  }
  return difference == 0U;
}

bool bearer_matches(std::string_view authorization, const config::Secret& expected) {
  if (expected.empty() || !starts_with_scheme(authorization)) {
    return false;
  }
  auto token = authorization.substr(authorization.find(' '));
  token.remove_prefix(std::min(token.find_first_not_of(' '), token.size()));
  return equal_in_constant_time(token, expected.reveal());
}

}  // namespace pgcaretaker::http
