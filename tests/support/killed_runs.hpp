// SPDX-License-Identifier: Apache-2.0
// The binary on a database of its own, and kill -9 as the server gets so many of its statements.
#pragma once

#include <doctest/doctest.h>
#include <signal.h>

#include <cstdlib>
#include <filesystem>
#include <future>
#include <string>
#include <vector>

#include "support/database.hpp"
#include "support/gate.hpp"
#include "support/process.hpp"

namespace pgcaretaker::test {

/// month(0) is the present one; part(parent, n) makes month n's partition, PARENT_oldN or _newN.
inline constexpr const char* months_sql = R"(
CREATE FUNCTION public.month(n int) RETURNS timestamptz LANGUAGE sql SET TimeZone = 'UTC' AS $$
  SELECT date_trunc('month', now()) + n * interval '1 month' $$;
CREATE FUNCTION public.part(parent text, n int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('CREATE TABLE audit.%I PARTITION OF audit.%I FOR VALUES FROM (%L) TO (%L)',
                 parent || CASE WHEN n < 0 THEN '_old' || -n ELSE '_new' || n END, parent,
                 public.month(n), public.month(n + 1));
END $$;
)";

struct KilledRuns {
  using Arguments = std::vector<std::string>;

  explicit KilledRuns(std::string more) : sections{std::move(more)} {}

  static unsigned short server_port() {
    return static_cast<unsigned short>(std::stoi(std::getenv("PGPORT")));
  }

  [[nodiscard]] std::string configuration(unsigned short port) const {
    return directory.write(
        "pgcaretaker.toml",
        "[database]\ndsn = \"host=127.0.0.1 port=" + std::to_string(port) +
            " dbname=" + database.name() +
            " user=pgc_caretaker\"\nrole = \"pgc_owner\"\n[archive]\ndirectory = \"" + archives +
            "\"\n" + sections);
  }

  int run(Arguments words) {
    words.insert(words.end(), {"-c", configuration(server_port())});
    Process process{words, output};
    return process.wait();
  }

  /// What the server was sent last may still be under way.
  void wait_for_its_sessions() {
    while (admin.number("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE "
                        "'pgcaretaker%' AND datname = current_database()") > 0) {
    }
  }

  /// False = it came to its end before it had sent so much.
  bool run_and_kill_after(std::size_t writes, Arguments words = {"once"}) {
    bool was_killed = false;
    {
      std::promise<const Process*> started;
      Gate gate{server_port()};
      gate.after_writes(writes, [&] { started.get_future().get()->signal(SIGKILL); });
      words.insert(words.end(), {"-c", configuration(gate.port())});
      Process process{words, output};
      started.set_value(&process);
      was_killed = process.wait() == 128 + SIGKILL;
    }
    wait_for_its_sessions();
    return was_killed;
  }

  TestDatabase database;
  Admin& admin = database.admin();
  TemporaryDirectory directory;
  std::string archives = directory.path("archive");
  std::string output = directory.path("output");
  std::string sections;  // of the configuration, besides [database] and [archive]
};

}  // namespace pgcaretaker::test
