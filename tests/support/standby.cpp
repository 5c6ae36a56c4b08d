// SPDX-License-Identifier: Apache-2.0
// As much of the streaming replication protocol as feedback needs:
// https://www.postgresql.org/docs/current/protocol-replication.html
#include "support/standby.hpp"

#include <libpq-fe.h>

#include <memory>
#include <stdexcept>
#include <utility>

#include "support/database.hpp"
#include "support/run.hpp"

namespace pgcaretaker::test {

namespace {

/// Its kind, the time, then xmin and catalog_xmin, each with its epoch, in network order.
std::string feedback_of(std::uint32_t xmin) {
  std::string message = "h" + std::string(24, '\0');
  for (std::size_t i = 0; i < 4; ++i) {
    message[9 + i] = static_cast<char>(xmin >> (24 - 8 * i) & 0xff);
  }
  return message;
}

bool send(PGconn* standby, const std::string& start, const std::string& feedback) {
  const std::unique_ptr<PGresult, decltype(&PQclear)> started{PQexec(standby, start.c_str()),
                                                              PQclear};
  return PQresultStatus(started.get()) == PGRES_COPY_BOTH &&
         PQputCopyData(standby, feedback.data(), static_cast<int>(feedback.size())) == 1 &&
         PQflush(standby) == 0;
}

}  // namespace

StandbySlot::StandbySlot(std::string name) : name_{std::move(name)} {
  Admin admin{"postgres"};
  admin.execute("SELECT pg_create_physical_replication_slot('" + name_ + "', true)");
  const std::string start = "START_REPLICATION SLOT " + name_ + " PHYSICAL " +
                            admin.value("SELECT pg_current_wal_lsn()").value();
  const auto xmin = static_cast<std::uint32_t>(admin.number("SELECT txid_current()"));
  const std::unique_ptr<PGconn, decltype(&PQfinish)> standby{PQconnectdb("replication=true"),
                                                             PQfinish};
  if (!send(standby.get(), start, feedback_of(xmin))) {
    throw std::runtime_error{PQerrorMessage(standby.get())};
  }
  const SteadyTime end = in(std::chrono::seconds{30});
  while (admin.number("SELECT count(xmin) FROM pg_replication_slots") == 0) {
    if (std::chrono::steady_clock::now() > end) throw std::runtime_error{"no feedback came"};
  }
}

StandbySlot::~StandbySlot() {
  drop();
}

void StandbySlot::drop() const {
  Admin admin{"postgres"};
  // The server may still be busy with the end of the connection.
  admin.execute(
      "DO $$ DECLARE slot record; BEGIN "
      "FOR slot IN SELECT slot_name, active_pid FROM pg_replication_slots WHERE slot_name = '" +
      name_ +
      "' LOOP IF slot.active_pid IS NOT NULL THEN "
      "PERFORM pg_terminate_backend(slot.active_pid, 5000); END IF; "
      "PERFORM pg_drop_replication_slot(slot.slot_name); END LOOP; END $$");
}

}  // namespace pgcaretaker::test
