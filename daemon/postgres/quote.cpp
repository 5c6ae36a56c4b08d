// SPDX-License-Identifier: Apache-2.0
// Quoting by the rules of PostgreSQL's lexer, independent of standard_conforming_strings.
#include "postgres/quote.hpp"

#include <stdexcept>

namespace pgcaretaker::pg {

std::string quote_literal(std::string_view text) {
  std::string literal = text.find('\\') == std::string_view::npos ? "'" : "E'";
  literal.reserve(text.size() + 3);
  for (const char character : text) {
    if (character == '\0') {
      throw std::invalid_argument{"a literal cannot hold a NUL character"};
    }
    if (character == '\'' || character == '\\') {
      literal += character;
    }
    literal += character;
  }
  literal += '\'';
  return literal;
}

}  // namespace pgcaretaker::pg
