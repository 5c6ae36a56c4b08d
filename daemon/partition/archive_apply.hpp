// SPDX-License-Identifier: Apache-2.0
// Carries out the steps for which an archive must be on the disk first.
#pragma once

#include <map>
#include <memory>

#include "archive/workplace.hpp"
#include "archive/write.hpp"
#include "task/task.hpp"

namespace pgcaretaker::partition {

/// Archives of this pass, by the OID of their table: written or found good, and read back.
using PassArchives = std::map<std::int64_t, archive::Archived>;

/// True for what archives a table, and for what drops one that is archived.
[[nodiscard]] bool needs_archive(const task::Step& step);

/// Makes sure that the table's archive is on the disk and good, then sends the step as apply_step()
/// does, with what only the archive can tell. An archive that `known` has not yet is read back
/// whole, or written anew where it is missing, damaged, or older than the table's last change. One
/// that is not finished at `until` is given up, and begun anew by a later pass. Not retried here: a
/// full disk, a directory that is not there and a workplace that is taken are findings. Throws
/// pg::Error as apply_step() does.
Awaitable<void> apply_archived(pg::Connection& connection, const config::Partition& settings,
                               const std::shared_ptr<archive::Workplace>& workplace,
                               const task::Step& step, const task::Surroundings& around,
                               SteadyTime until, PassArchives& known, task::Applied& applied);

}  // namespace pgcaretaker::partition
