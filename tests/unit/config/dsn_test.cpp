// SPDX-License-Identifier: Apache-2.0
// Secrets in connection strings: found, refused, masked.
#include <doctest/doctest.h>

#include "config/dsn.hpp"

using namespace pgcaretaker::config;

namespace {

struct Row {
  std::string dsn;
  std::string masked;
};

}  // namespace

TEST_CASE("a connection string without a secret stays as it is") {
  for (const std::string dsn :
       {"", "   ", "host=db1,db2 dbname=caracal user=caretaker target_session_attrs=read-write",
        "host = db  port= 5432", "application_name='it\\'s me' dbname=x", "password=''",
        "passfile=/etc/pass dbname=app", "postgresql://", "postgresql://db:5432/app",
        "postgresql://user@db/app?sslmode=require", "postgres://user@[::1]:5432,db2:5433/app",
        "postgresql://u:@db/app", "postgresql:///app?host=/var/run/postgresql&user=a%40b",
        "postgresql://db1:5432,db2/app?application_name=a@b",
        "postgresql://db/app?password=&sslmode=require"}) {
    CAPTURE(dsn);
    CHECK(dsn_parts(dsn).secrets.empty());
    CHECK(dsn_parts(dsn).unreadable_from == std::string_view::npos);
    CHECK(mask_dsn(dsn) == dsn);
  }
}

TEST_CASE("every secret of a connection string is found and masked") {
  for (const Row& row : {
           Row{"password=hunter2", "password=***"},
           Row{"host=a password=hunter2 user=b", "host=a password=*** user=b"},
           Row{"password = 'hun ter2' user=b", "password = *** user=b"},
           Row{"password='hun\\'ter2' user=b", "password=*** user=b"},
           Row{"password=hun\\ ter2 user=b", "password=*** user=b"},
           Row{"PASSWORD=hunter2", "PASSWORD=***"},
           Row{"password= dbname=app", "password= ***"},
           Row{"password=a sslpassword=b", "password=*** sslpassword=***"},
           Row{"oauth_client_secret=hunter2", "oauth_client_secret=***"},
           Row{"scram_client_key=hunter2 host=a", "scram_client_key=*** host=a"},
           Row{"host=a\n\tpassword=hunter2\n", "host=a\n\tpassword=***\n"},
           Row{"postgresql://u:hunter2@db/app", "postgresql://u:***@db/app"},
           Row{"postgres://u:hun%40ter2@db", "postgres://u:***@db"},
           Row{"postgresql://u:hun:ter2@db", "postgresql://u:***@db"},
           Row{"postgresql://:hunter2@db", "postgresql://:***@db"},
           Row{"postgresql://u:hun?ter2@db/app", "postgresql://u:***@db/app"},
           Row{"postgresql://db/app?password=hunter2", "postgresql://db/app?password=***"},
           Row{"postgresql://db?a=b&sslpassword=hunter2&c=d",
               "postgresql://db?a=b&sslpassword=***&c=d"},
           Row{"postgresql://db/app?pass%77ord=hunter2", "postgresql://db/app?pass%77ord=***"},
           Row{"postgresql://u:p@db/app?password=hunter2",
               "postgresql://u:***@db/app?password=***"},
       }) {
    CAPTURE(row.dsn);
    CHECK_FALSE(dsn_parts(row.dsn).secrets.empty());
    CHECK(mask_dsn(row.dsn) == row.masked);
  }
}

TEST_CASE("what cannot be read is masked to the end, since it may be a secret") {
  for (const Row& row : {
           Row{"password hunter2", "***"},
           Row{"host=a hunter2", "host=a ***"},
           Row{"host=a password='hunter2", "host=a password=***"},
           Row{"host=a password", "host=a ***"},
           Row{"mysql://u:hunter2@db/app?sslmode=require", "***"},
           Row{"=hunter2", "***"},
           Row{"postgresql://u:hun@ter2@db/app", "postgresql://u:***@***"},
           Row{"postgresql://u:hun/ter2@db/app", "postgresql://u:***@***"},
           Row{"postgresql://u:12/ter2@db/app", "postgresql://u:***@***"},
           Row{"postgresql://u:hun/ter?2@db/app", "postgresql://u:***@***"},
           Row{"postgresql://db/app?password=hunter2&2", "postgresql://db/app?password=***&***"},
       }) {
    CAPTURE(row.dsn);
    CHECK(dsn_parts(row.dsn).unreadable_from != std::string_view::npos);
    CHECK(mask_dsn(row.dsn) == row.masked);
  }
}
