// SPDX-License-Identifier: Apache-2.0
// What a handler sees of a request and what it answers. Plain data: no socket, no Beast.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace pgcaretaker::http {

struct Request {
  std::string path;           // without the query string
  std::string authorization;  // the header's value, "" when absent
};

struct Response {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
};

/// An answer in one line of plain text.
[[nodiscard]] Response plain(int status, std::string line);
/// 405 with what is allowed instead.
[[nodiscard]] Response method_not_allowed();

}  // namespace pgcaretaker::http
