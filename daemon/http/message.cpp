// SPDX-License-Identifier: Apache-2.0
// Answers that need no board.
#include "http/message.hpp"

namespace pgcaretaker::http {

Response plain(int status, std::string line) {
  Response response;
  response.status = status;
  response.body = std::move(line) + "\n";
  return response;
}

Response method_not_allowed() {
  auto response = plain(405, "only GET and HEAD are answered");
  response.headers.emplace_back("Allow", "GET, HEAD");
  return response;
}

}  // namespace pgcaretaker::http
