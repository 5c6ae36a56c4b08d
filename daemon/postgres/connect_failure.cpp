// SPDX-License-Identifier: Apache-2.0
// Line by line: what libpq says first on a line counts, what it indents or labels is commentary.
#include "postgres/connect_failure.hpp"

#include <algorithm>

namespace pgcaretaker::pg {

namespace {

bool is_sqlstate(std::string_view text) {
  return text.size() == 5 && std::ranges::all_of(text, [](char character) {
           return (character >= '0' && character <= '9') || (character >= 'A' && character <= 'Z');
         });
}

/// Cuts the code out of "FATAL:  53300: sorry"; the severity may be in any language.
std::string take_sqlstate(std::string& line) {
  const std::size_t mark = line.find(":  ");
  if (mark == std::string::npos) return {};
  const std::string code = line.substr(mark + 3, 5);
  if (!is_sqlstate(code) || line.compare(mark + 8, 2, ": ") != 0) return {};
  line.erase(mark + 3, 7);
  return code;
}

/// DETAIL, HINT, LOCATION and the like stand in capitals before ":  ".
bool is_commentary(std::string_view line) {
  if (line.empty() || line.front() == '\t' || line.front() == ' ') return true;
  const std::size_t mark = line.find(":  ");
  return mark != std::string_view::npos && line.find(' ') > mark && !line.starts_with("FATAL") &&
         !line.starts_with("ERROR");
}

void hide(std::string& text, std::string_view secret) {
  if (secret.empty()) return;
  for (std::size_t at = text.find(secret); at != std::string::npos; at = text.find(secret, at)) {
    text.replace(at, secret.size(), "***");
    at += 3;
  }
}

}  // namespace

ConnectFailure read_connect_failure(std::string_view text, std::string_view secret) {
  ConnectFailure failure;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string line{text.substr(0, end)};
    text.remove_prefix(std::min(end + 1, text.size()));
    if (is_commentary(line)) continue;
    const std::string code = take_sqlstate(line);
    if (failure.sqlstate.empty()) failure.sqlstate = code;
    if (!failure.message.empty()) failure.message += "; ";
    failure.message += line;
  }
  hide(failure.message, secret);
  return failure;
}

}  // namespace pgcaretaker::pg
