// SPDX-License-Identifier: Apache-2.0
// Takes the connection string apart with libpq's own parser.
#include "postgres/conninfo.hpp"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <array>
#include <cstdlib>
#include <map>
#include <memory>

#include "config/dsn.hpp"
#include "postgres/error.hpp"
#include "postgres/resolver.hpp"

namespace pgcaretaker::pg {

namespace {

using Keywords = std::vector<std::pair<std::string, std::string>>;
using Values = std::map<std::string, std::string, std::less<>>;

// A peer that vanished without a word is found out within 15 + 3 x 5 = 30 s on an idle session and
// 30 s after the last unanswered byte on a busy one: less than what a stop or a failover waits for.
constexpr std::array<std::pair<const char*, const char*>, 4> tcp_defaults{
    {{"keepalives_idle", "15"},
     {"keepalives_interval", "5"},
     {"keepalives_count", "3"},
     {"tcp_user_timeout", "30000"}}};

// What decides which hosts there are, with the variable that stands in for a missing keyword.
constexpr std::array<std::pair<const char*, const char*>, 5> host_keywords{
    {{"service", "PGSERVICE"},
     {"host", "PGHOST"},
     {"hostaddr", "PGHOSTADDR"},
     {"port", "PGPORT"},
     {"target_session_attrs", "PGTARGETSESSIONATTRS"}}};

/// libpq's reason may quote the part that it could not read, which may be half a password.
Error unreadable(const std::string& dsn, char* libpq_words) {
  const std::unique_ptr<char, decltype(&PQfreemem)> words{libpq_words, &PQfreemem};
  const bool is_harmless = config::mask_dsn(dsn) == dsn && words != nullptr;
  std::string reason = is_harmless ? words.get() : "not a libpq connection string";
  while (reason.ends_with('\n'))
    reason.pop_back();
  return Error{Error::Kind::connection, "database.dsn cannot be read: " + reason};
}

Values parse(const std::string& dsn) {
  char* words = nullptr;
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options{
      PQconninfoParse(dsn.c_str(), &words), &PQconninfoFree};
  if (!options) {
    throw unreadable(dsn, words);
  }
  Values values;
  for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
    if (option->val != nullptr) values[option->keyword] = option->val;
  }
  return values;
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts(1);
  for (const char character : text) {
    if (character == ',') {
      parts.emplace_back();
    } else {
      parts.back() += character;
    }
  }
  return parts;
}

std::string value_of(const Values& values, const char* keyword) {
  const auto found = values.find(keyword);
  return found == values.end() ? std::string{} : found->second;
}

/// A directory, or an abstract socket.
bool is_socket(const std::string& host) {
  return host.starts_with('/') || host.starts_with('@');
}

/// The hosts of `values`, as keywords that pick one each. Empty when there is one or they do not
/// match up: then libpq is given the string as it is, and complains in its own words.
std::vector<Keywords> single_hosts(const Values& values) {
  const auto value = [&](const char* keyword) { return value_of(values, keyword); };
  const auto hosts = split(value("host"));
  const auto addresses = split(value("hostaddr"));
  const auto ports = split(value("port"));
  const bool by_address = !value("hostaddr").empty();
  const std::size_t count = by_address ? addresses.size() : hosts.size();
  const bool hosts_match = !by_address || value("host").empty() || hosts.size() == count;
  if (count < 2 || !hosts_match || (ports.size() != 1 && ports.size() != count)) return {};
  std::vector<Keywords> single;
  for (std::size_t i = 0; i < count; ++i) {
    Keywords keywords;
    keywords.emplace_back("host", hosts.size() == count ? hosts[i] : "");
    keywords.emplace_back("hostaddr", by_address ? addresses[i] : "");
    keywords.emplace_back("port", ports[ports.size() == 1 ? 0 : i]);
    single.push_back(std::move(keywords));
  }
  return single;
}

std::string display_name(const Values& values) {
  const std::string named = value_of(values, "host");
  const std::string host = named.empty() ? value_of(values, "hostaddr") : named;
  if (host.empty() || is_socket(host)) return host;
  const std::string said = value_of(values, "port");
  const std::string port = said.empty() ? "5432" : said;
  const bool is_v6 = host.find(':') != std::string::npos;
  return is_v6 ? fmt::format("[{}]:{}", host, port) : host + ':' + port;
}

/// The one host that `values` name when it is a name; "" for all else, lists included.
std::string host_to_resolve(const Values& values) {
  const std::string host = value_of(values, "host");
  const bool is_left_to_libpq = host.empty() || is_socket(host) ||
                                host.find(',') != std::string::npos ||
                                !value_of(values, "hostaddr").empty() ||
                                !value_of(values, "service").empty() || is_numeric_address(host);
  return is_left_to_libpq ? "" : host;
}

Keywords common_keywords(const ConnectOptions& options) {
  Keywords keywords{tcp_defaults.begin(), tcp_defaults.end()};
  keywords.emplace_back("fallback_application_name", "pgcaretaker/" + options.purpose);
  if (!options.database.dsn.empty()) {
    keywords.emplace_back("dbname", options.database.dsn);
  }
  keywords.emplace_back("client_encoding", "UTF8");
  if (options.password) {
    keywords.emplace_back("password", options.password->reveal());
  }
  return keywords;
}

}  // namespace

std::vector<ConnectTarget> connect_targets(const ConnectOptions& options) {
  Values values = parse(options.database.dsn);
  for (const auto& [keyword, variable] : host_keywords) {
    const char* const set = std::getenv(variable);
    if (set != nullptr && !values.contains(keyword)) values[keyword] = set;
  }
  const Keywords common = common_keywords(options);
  auto singles = single_hosts(values);
  if (singles.empty()) singles.emplace_back();
  std::vector<ConnectTarget> targets;
  const auto add_all = [&](const char* session_attributes) {
    for (const Keywords& single : singles) {
      ConnectTarget target;
      target.keywords = common;
      Values chosen = values;
      for (const auto& [keyword, value] : single) {
        target.keywords.emplace_back(keyword, value);
        chosen[keyword] = value;
      }
      if (session_attributes != nullptr) {
        target.keywords.emplace_back("target_session_attrs", session_attributes);
      }
      target.name = display_name(chosen);
      target.host_to_resolve = host_to_resolve(chosen);
      targets.push_back(std::move(target));
    }
  };
  // A name may turn out to be several servers.
  const bool may_be_several = singles.size() > 1 || !host_to_resolve(values).empty();
  if (may_be_several && value_of(values, "target_session_attrs") == "prefer-standby") {
    add_all("standby");
    add_all("any");
  } else {
    add_all(nullptr);
  }
  return targets;
}

std::vector<ConnectTarget> at_addresses(const ConnectTarget& target,
                                        const std::vector<std::string>& addresses) {
  std::vector<ConnectTarget> targets;
  for (const std::string& address : addresses) {
    targets.push_back(target);
    targets.back().host_to_resolve.clear();
    targets.back().keywords.emplace_back("hostaddr", address);
  }
  return targets;
}

}  // namespace pgcaretaker::pg
