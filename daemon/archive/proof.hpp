// SPDX-License-Identifier: Apache-2.0
// The proof that a table still holds exactly the row versions that were archived. Pure.
#pragma once

#include <string>
#include <vector>

#include "archive/manifest.hpp"
#include "task/step.hpp"

namespace pgcaretaker::archive {

/// One row `rows`, `versions` for the table as the statement's snapshot sees it. A scan that reads
/// no value and fetches nothing from TOAST.
[[nodiscard]] std::string fingerprint_sql(const config::TableName& table);

/// What a transaction that drops `table`, which has this OID, sends before the DROP: the first
/// statement takes ACCESS EXCLUSIVE and lifts forced row-level security, which would refuse the
/// second; that one gives its one row only while the table is the archived one, was not written
/// anew, and holds exactly the archived row versions. Every INSERT, UPDATE, DELETE or TRUNCATE that
/// was committed since, by whomever, makes it give none (expect_rows). VACUUM and freezing do not.
/// Which row versions those are is known when there is an archive: see compare_with().
[[nodiscard]] std::vector<task::Statement> unchanged_since_archived(std::int64_t oid,
                                                                    const config::TableName& table);

inline constexpr std::string_view unchanged_proof = "archive.unchanged";

/// Gives the proof among unchanged_since_archived() its parameters.
void compare_with(task::Statement& proof, const Fingerprint& fingerprint);

}  // namespace pgcaretaker::archive
