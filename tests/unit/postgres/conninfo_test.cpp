// SPDX-License-Identifier: Apache-2.0
// What libpq is given for which connection string.
#include "postgres/conninfo.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <map>
#include <stdexcept>

#include "postgres/error.hpp"

namespace pgcaretaker {

namespace {

/// A PG* variable for as long as a test wants it.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_{name} { setenv(name, value, 1); }
  ~Variable() { unsetenv(name_); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
};

using Keywords = std::map<std::string, std::string>;

std::vector<pg::ConnectTarget> targets(const std::string& dsn, const char* password = nullptr) {
  pg::ConnectOptions options;
  options.database.dsn = dsn;
  options.purpose = "test";
  if (password != nullptr) options.password = config::Secret{password};
  return pg::connect_targets(options);
}

/// Later ones win, as with libpq.
Keywords keywords(const pg::ConnectTarget& target) {
  Keywords last;
  for (const auto& [keyword, value] : target.keywords)
    last[keyword] = value;
  return last;
}

std::vector<std::string> names(const std::vector<pg::ConnectTarget>& all) {
  std::vector<std::string> found;
  for (const auto& target : all)
    found.push_back(target.name);
  return found;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("a plain string is one target, named by its host and port") {
  CHECK(names(targets("host=db1 dbname=x")) == Names{"db1:5432"});
  CHECK(names(targets("host=db1 port=6000")) == Names{"db1:6000"});
  CHECK(names(targets("hostaddr=::1 port=6000")) == Names{"[::1]:6000"});
  CHECK(names(targets("host=/run/postgresql")) == Names{"/run/postgresql"});
  CHECK(names(targets("postgresql://u@db1:6000/x?sslmode=disable")) == Names{"db1:6000"});
}

TEST_CASE("several hosts are as many targets, each with its own port and address") {
  const auto all = targets("host=db1,db2,db3 port=1,2,3 hostaddr=10.0.0.1,10.0.0.2,10.0.0.3");
  CHECK(names(all) == Names{"db1:1", "db2:2", "db3:3"});
  const Keywords second = keywords(all.at(1));
  CHECK(second.at("host") == "db2");
  CHECK(second.at("port") == "2");
  CHECK(second.at("hostaddr") == "10.0.0.2");
  CHECK(names(targets("host=a,b port=7")) == Names{"a:7", "b:7"});
  CHECK(names(targets("postgresql://a:1,b:2/x")) == Names{"a:1", "b:2"});
  CHECK(names(targets("hostaddr=10.0.0.1,10.0.0.2")) == Names{"10.0.0.1:5432", "10.0.0.2:5432"});
}

TEST_CASE("lists that do not match up are left to libpq to complain about") {
  CHECK(targets("host=a,b port=1,2,3").size() == 1);
  CHECK(targets("host=a,b hostaddr=10.0.0.1,10.0.0.2,10.0.0.3").size() == 1);
}

TEST_CASE("an empty string takes hosts from the environment, a full one wins over it") {
  const Variable host{"PGHOST", "env1,env2"};
  const Variable port{"PGPORT", "9"};
  CHECK(names(targets("")) == Names{"env1:9", "env2:9"});
  CHECK(names(targets("host=db1")) == Names{"db1:9"});
}

TEST_CASE("prefer-standby asks every host for a standby before it takes any") {
  const auto all = targets("host=a,b target_session_attrs=prefer-standby");
  CHECK(names(all) == Names{"a:5432", "b:5432", "a:5432", "b:5432"});
  CHECK(keywords(all.at(1)).at("target_session_attrs") == "standby");
  CHECK(keywords(all.at(2)).at("target_session_attrs") == "any");
  CHECK(targets("host=10.0.0.1 target_session_attrs=prefer-standby").size() == 1);
}

TEST_CASE("prefer-standby asks one name twice, as it may stand for several servers") {
  const auto all = targets("host=a target_session_attrs=prefer-standby");
  CHECK(names(all) == Names{"a:5432", "a:5432"});
  const auto standbys = pg::at_addresses(all.at(0), {"10.0.0.1", "10.0.0.2"});
  CHECK(keywords(standbys.at(1)).at("target_session_attrs") == "standby");
}

TEST_CASE("only what needs a name service is for us to resolve") {
  const auto to_resolve = [](const std::string& dsn) {
    Names found;
    for (const auto& target : targets(dsn))
      found.push_back(target.host_to_resolve);
    return found;
  };
  CHECK(to_resolve("host=db1") == Names{"db1"});
  CHECK(to_resolve("postgresql://u@db1:6000,[::1]:1,db2/x") == Names{"db1", "", "db2"});
  CHECK(to_resolve("host=db1,10.0.0.1,/run/postgresql,@abstract,") == Names{"db1", "", "", "", ""});
  CHECK(to_resolve("host=fe80::1%lo") == Names{""});
  CHECK(to_resolve("host=db1 hostaddr=10.0.0.1") == Names{""});
  CHECK(to_resolve("host=db1,db2 hostaddr=10.0.0.1,") == Names{"", "db2"});
  CHECK(to_resolve("") == Names{""});
  CHECK(to_resolve("host=a,b port=1,2,3") == Names{""});
  const Variable host{"PGHOST", "env1"};
  CHECK(to_resolve("") == Names{"env1"});
  CHECK(to_resolve("service=there host=db1") == Names{""});
  const Variable service{"PGSERVICE", "there"};
  CHECK(to_resolve("host=db1") == Names{""});
}

TEST_CASE("each address of a name is a target that keeps the name") {
  const auto host = targets("host=db1,db2 port=1,2").at(1);
  const auto all = pg::at_addresses(host, {"::1", "10.0.0.1"});
  CHECK(names(all) == Names{"db2:2", "db2:2"});
  CHECK(keywords(all.at(0)).at("hostaddr") == "::1");
  CHECK(keywords(all.at(1)).at("hostaddr") == "10.0.0.1");
  CHECK(keywords(all.at(1)).at("host") == "db2");
  CHECK(keywords(all.at(1)).at("port") == "2");
  CHECK(all.at(1).host_to_resolve.empty());
}

TEST_CASE("defaults stand before the string, which wins; the password stands after it") {
  const auto target = targets("host=db1 password=old keepalives_idle=99", "new").at(0);
  const auto position = [&](const std::string& keyword) {
    for (std::size_t i = 0; i < target.keywords.size(); ++i) {
      if (target.keywords[i].first == keyword) return static_cast<int>(i);
    }
    return -1;
  };
  CHECK(position("keepalives_idle") < position("dbname"));
  CHECK(position("tcp_user_timeout") < position("dbname"));
  CHECK(position("fallback_application_name") < position("dbname"));
  CHECK(position("dbname") < position("password"));
  CHECK(keywords(target).at("fallback_application_name") == "pgcaretaker/test");
  CHECK(keywords(target).at("password") == "new");
  CHECK(keywords(targets("host=db1").at(0)).count("password") == 0);
}

TEST_CASE("a string that cannot be read is an error that quotes nothing secret") {
  const auto words = [](const char* dsn) {
    try {
      (void)targets(dsn);
    } catch (const pg::Error& error) {
      CHECK(error.kind() == pg::Error::Kind::connection);
      return std::string{error.what()};
    }
    return std::string{"no error"};
  };
  CHECK(words("host=db1 sslmod=disable") ==
        "database.dsn cannot be read: invalid connection option \"sslmod\"");
  CHECK(words("password=se cret").find("cret") == std::string::npos);
  CHECK(words("postgresql://u:se cret@h:x y/").find("cret") == std::string::npos);
  CHECK(words("caracal").starts_with("database.dsn cannot be read: "));
}

}  // namespace pgcaretaker
