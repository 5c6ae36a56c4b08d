// SPDX-License-Identifier: Apache-2.0
// A scanner for the parts of SQL's lexical structure that can hide a parenthesis.
#include "outbox/expression.hpp"

#include <cctype>

namespace pgcaretaker::outbox {

namespace {

bool is_word(char c) {
  // Bytes above ASCII are letters to PostgreSQL.
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || (c & '\x80') != 0;
}

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_{text} {}

  std::optional<std::string> problem() {
    while (at_ < text_.size()) {
      if (auto found = step()) return found;
    }
    if (!something_) return "is empty";
    if (depth_ > 0) return "leaves a parenthesis open";
    return std::nullopt;
  }

 private:
  [[nodiscard]] char look(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }

  std::optional<std::string> step() {
    const char c = look();
    if (c == '-' && look(1) == '-') {
      at_ = std::min(text_.find_first_of("\r\n", at_), text_.size());
      return std::nullopt;
    }
    if (c == '/' && look(1) == '*') return comment();
    if (std::isspace(static_cast<unsigned char>(c)) != 0) {
      ++at_;
      return std::nullopt;
    }
    something_ = true;
    switch (c) {
      case '\'':
      case '"':
        return quoted(c);
      case '$':
        return dollar();
      case '\0':
        return "holds a NUL character";
      case ';':
        return "holds a semicolon";
      case '(':
        ++depth_;
        break;
      case ')':
        if (--depth_ < 0) return "closes a parenthesis that it did not open";
        break;
      default:
        break;
    }
    ++at_;
    return std::nullopt;
  }

  std::optional<std::string> comment() {
    int nested = 0;
    do {
      if (at_ >= text_.size()) return "leaves a comment open";
      if (look() == '/' && look(1) == '*') {
        ++nested;
        at_ += 2;
      } else if (look() == '*' && look(1) == '/') {
        --nested;
        at_ += 2;
      } else {
        ++at_;
      }
    } while (nested > 0);
    return std::nullopt;
  }

  /// A doubled quote ends and begins again, which comes to the same.
  std::optional<std::string> quoted(char quote) {
    const bool escapes = quote == '\'' && at_ > 0 &&
                         (text_[at_ - 1] == 'e' || text_[at_ - 1] == 'E') &&
                         (at_ == 1 || !is_word(text_[at_ - 2]));
    for (++at_; at_ < text_.size(); ++at_) {
      if (escapes && look() == '\\') {
        ++at_;
      } else if (look() == quote) {
        ++at_;
        return std::nullopt;
      }
    }
    return "leaves a quote open";
  }

  std::optional<std::string> dollar() {
    if (at_ > 0 && is_word(text_[at_ - 1])) {  // part of an identifier
      ++at_;
      return std::nullopt;
    }
    if (std::isdigit(static_cast<unsigned char>(look(1))) != 0) return "holds a parameter ($1)";
    std::size_t end = at_ + 1;
    while (end < text_.size() && is_word(text_[end]))
      ++end;
    if (end >= text_.size() || text_[end] != '$') {
      ++at_;
      return std::nullopt;
    }
    const std::string_view tag = text_.substr(at_, end - at_ + 1);
    const std::size_t close = text_.find(tag, end + 1);
    if (close == std::string_view::npos) return "leaves a quote open";
    at_ = close + tag.size();
    return std::nullopt;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int depth_ = 0;
  bool something_ = false;
};

}  // namespace

std::optional<std::string> expression_problem(std::string_view text) {
  return Scanner{text}.problem();
}

}  // namespace pgcaretaker::outbox
