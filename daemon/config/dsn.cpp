// SPDX-License-Identifier: Apache-2.0
// The two notations of libpq's connection strings, read for their secrets.
#include "config/dsn.hpp"

#include <algorithm>
#include <array>

#include "config/ascii.hpp"

namespace pgcaretaker::config {

namespace {

constexpr auto npos = std::string_view::npos;

// libpq's parameters that hold a secret itself, up to PostgreSQL 18.
constexpr std::array<std::string_view, 5> secret_keys{
    "password", "sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key"};

bool is_blank(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

void add_secret(DsnParts& parts, std::size_t begin, std::size_t end, std::string key) {
  std::transform(key.begin(), key.end(), key.begin(), lower);
  if (begin < end && std::find(secret_keys.begin(), secret_keys.end(), key) != secret_keys.end()) {
    parts.secrets.push_back({begin, end, std::move(key)});
  }
}

std::size_t skip_blanks(std::string_view text, std::size_t at) {
  while (at < text.size() && is_blank(text[at]))
    ++at;
  return at;
}

/// The end of a value that begins at `at`, quotes included; npos when its quote is not closed.
std::size_t value_end(std::string_view text, std::size_t at) {
  const bool quoted = at < text.size() && text[at] == '\'';
  for (at += quoted ? 1 : 0; at < text.size(); ++at) {
    if (text[at] == '\\') {
      ++at;
    } else if (quoted && text[at] == '\'') {
      return at + 1;
    } else if (!quoted && is_blank(text[at])) {
      return at;
    }
  }
  return quoted ? npos : text.size();
}

DsnParts pairs(std::string_view dsn) {
  DsnParts parts;
  std::size_t at = skip_blanks(dsn, 0);
  while (at < dsn.size()) {
    const std::size_t key_begin = at;
    while (at < dsn.size() &&
           (dsn[at] == '_' || (lower(dsn[at]) >= 'a' && lower(dsn[at]) <= 'z'))) {
      ++at;
    }
    const std::string key{dsn.substr(key_begin, at - key_begin)};
    at = skip_blanks(dsn, at);
    if (key.empty() || at == dsn.size() || dsn[at] != '=') {
      parts.unreadable_from = key_begin;
      return parts;
    }
    at = skip_blanks(dsn, at + 1);
    const std::size_t end = value_end(dsn, at);
    if (end == npos) {
      parts.unreadable_from = at;
      return parts;
    }
    const bool only_quotes = dsn.substr(at, end - at) == "''";
    add_secret(parts, only_quotes ? end : at, end, key);
    at = skip_blanks(dsn, end);
  }
  return parts;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (lower(c) >= 'a' && lower(c) <= 'f') return lower(c) - 'a' + 10;
  return -1;
}

std::string percent_decoded(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escape = text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 &&
                        hex_digit(text[i + 2]) >= 0;
    decoded +=
        escape ? static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2])) : text[i];
    i += escape ? 2 : 0;
  }
  return decoded;
}

void read_query(std::string_view dsn, std::size_t at, DsnParts& parts) {
  while (at < dsn.size()) {
    const std::size_t end = std::min(dsn.find('&', at), dsn.size());
    const std::size_t equals = dsn.find('=', at);
    if (equals >= end) {
      parts.unreadable_from = at;
      return;
    }
    add_secret(parts, equals + 1, end, percent_decoded(dsn.substr(at, equals - at)));
    at = end + 1;
  }
}

/// Whether [begin, slash) of a URI can be a list of host:port.
bool is_host_list(std::string_view authority) {
  const auto colon = authority.starts_with('[') ? npos : authority.find(':');
  const auto end = colon == npos ? npos : authority.find_first_not_of("0123456789", colon + 1);
  return end == npos || authority[end] == ',';
}

/// The '@' that ends user:password, npos when there is none. libpq takes the first one before a
/// slash. We take the last, and one behind the slash too: a password with unescaped characters is
/// likelier there than a database name with an '@'. `readable` says whether libpq agrees.
std::size_t userinfo_end(std::string_view dsn, std::size_t begin, bool& readable) {
  const std::size_t slash = std::min(dsn.find('/', begin), dsn.size());
  const auto authority = dsn.substr(begin, slash - begin);
  if (const auto at = authority.rfind('@'); at != npos) {
    readable = authority.find('@') == at;
    return begin + at;
  }
  const auto path_end = is_host_list(authority) ? dsn.find('?', begin) : npos;
  const auto at = dsn.substr(0, path_end).rfind('@');
  readable = at == npos || authority.find(':') == npos;
  return readable ? npos : at;
}

DsnParts uri(std::string_view dsn, std::size_t begin) {
  DsnParts parts;
  bool readable = true;
  const std::size_t at = userinfo_end(dsn, begin, readable);
  if (at != npos) {
    const std::size_t colon = dsn.find(':', begin);
    if (colon < at) {
      add_secret(parts, colon + 1, at, "password");
    }
    begin = at + 1;
  }
  if (!readable) {
    parts.unreadable_from = begin;
    return parts;
  }
  if (const auto query = dsn.find('?', begin); query != npos) {
    read_query(dsn, query + 1, parts);
  }
  return parts;
}

}  // namespace

DsnParts dsn_parts(std::string_view dsn) {
  for (const std::string_view scheme : {"postgresql://", "postgres://"}) {
    if (dsn.starts_with(scheme)) {
      return uri(dsn, scheme.size());
    }
  }
  return pairs(dsn);
}

std::string mask_dsn(std::string_view dsn) {
  const DsnParts parts = dsn_parts(dsn);
  std::string masked;
  std::size_t at = 0;
  for (const DsnParts::Span& secret : parts.secrets) {
    masked += dsn.substr(at, secret.begin - at);
    masked += "***";
    at = secret.end;
  }
  if (parts.unreadable_from == npos) {
    masked += dsn.substr(at);
  } else {
    masked += dsn.substr(at, parts.unreadable_from - at);
    masked += "***";
  }
  return masked;
}

}  // namespace pgcaretaker::config
