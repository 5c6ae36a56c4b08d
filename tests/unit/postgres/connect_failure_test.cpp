// SPDX-License-Identifier: Apache-2.0
// The texts of failed connects, as libpq and servers 14 to 18 write them.
#include "postgres/connect_failure.hpp"

#include <doctest/doctest.h>

#include <string>

namespace pgcaretaker {

namespace {

pg::ConnectFailure read(const std::string& text, const std::string& secret = "") {
  return pg::read_connect_failure(text, secret);
}

const std::string at_server = "connection to server at \"127.0.0.1\", port 5432 failed: ";

}  // namespace

TEST_CASE("a server's refusal loses its SQLSTATE and location to a field of their own") {
  const auto failure = read(at_server +
                            "FATAL:  53300: sorry, too many clients already\n"
                            "LOCATION:  ProcArrayAdd, procarray.c:463\n");
  CHECK(failure.message == at_server + "FATAL:  sorry, too many clients already");
  CHECK(failure.sqlstate == "53300");
}

TEST_CASE("the SQLSTATE is found whatever the server's language") {
  const auto failure = read(at_server +
                            "ФАТАЛЬНО:  28P01: пользователь \"u\" не прошёл проверку\n"
                            "ПОЛОЖЕНИЕ:  auth_failed, auth.c:334\n");
  CHECK(failure.sqlstate == "28P01");
  CHECK(failure.message == at_server + "ФАТАЛЬНО:  пользователь \"u\" не прошёл проверку");
}

TEST_CASE("a network failure has no SQLSTATE, and its hint is left out") {
  const auto failure = read(at_server +
                            "Connection refused\n"
                            "\tIs the server running on that host and accepting TCP/IP "
                            "connections?\n");
  CHECK(failure.message == at_server + "Connection refused");
  CHECK(failure.sqlstate.empty());
}

TEST_CASE("several addresses are told in one line, with the first SQLSTATE") {
  const auto failure = read(
      "connection to server at \"db\" (::1), port 1 failed: Connection refused\n"
      "\tIs the server running?\n"
      "connection to server at \"db\" (127.0.0.1), port 1 failed: FATAL:  57P03: the database "
      "system is starting up\nLOCATION:  x, y.c:1\n");
  CHECK(failure.message ==
        "connection to server at \"db\" (::1), port 1 failed: Connection refused; connection to "
        "server at \"db\" (127.0.0.1), port 1 failed: FATAL:  the database system is starting up");
  CHECK(failure.sqlstate == "57P03");
}

TEST_CASE("details and hints of the server are left out") {
  const auto failure = read(at_server +
                            "FATAL:  28000: no entry\nDETAIL:  host name does not match\n"
                            "HINT:  edit pg_hba.conf\n");
  CHECK(failure.message == at_server + "FATAL:  no entry");
}

TEST_CASE("text that only looks like a SQLSTATE stays") {
  CHECK(read("FATAL:  abcde: lower case").message == "FATAL:  abcde: lower case");
  CHECK(read("FATAL:  1234: too short").sqlstate.empty());
  CHECK(read("FATAL:  53300 no colon").sqlstate.empty());
  CHECK(read("FATAL:  53").sqlstate.empty());
  CHECK(read("").message.empty());
}

TEST_CASE("the secret never comes through") {
  const auto failure = read("could not use \"hunter2\": hunter2hunter2", "hunter2");
  CHECK(failure.message == "could not use \"***\": ******");
  CHECK(read("as it is", "").message == "as it is");
}

}  // namespace pgcaretaker
