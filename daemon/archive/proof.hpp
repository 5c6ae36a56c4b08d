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

/// What a transaction that drops `table` sends before the DROP: the first statement takes ACCESS
/// EXCLUSIVE and lifts forced row-level security, which would refuse the second; that one gives its
/// one row only while the table is the archived one, was not written anew, and holds exactly the
/// archived row versions. Every INSERT, UPDATE, DELETE or TRUNCATE that was committed since, by
/// whomever, makes it give none (expect_rows). VACUUM and freezing do not.
[[nodiscard]] std::vector<task::Statement> unchanged_since(const Fingerprint& fingerprint,
                                                           const config::TableName& table);

}  // namespace pgcaretaker::archive
