// SPDX-License-Identifier: Apache-2.0
// The outbox that unit and integration tests are about.
#pragma once

#include "config/settings.hpp"

namespace pgcaretaker::test {

inline config::Outbox event_outbox() {
  config::Outbox settings;
  settings.table = {"public", "event_outbox"};
  settings.pending = "dispatched_at IS NULL AND available_at <> 'infinity'";
  config::OutboxDone done;
  done.where = "dispatched_at IS NOT NULL";
  done.since = "dispatched_at";
  settings.done = done;
  config::OutboxDead dead;
  dead.where = "dispatched_at IS NULL AND available_at = 'infinity'";
  dead.since = "created_at";
  dead.action = config::DeadAction::delete_rows;
  settings.dead = dead;
  return settings;
}

}  // namespace pgcaretaker::test
