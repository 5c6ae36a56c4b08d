// SPDX-License-Identifier: Apache-2.0
// What a person is told about a table, apart from its steps.
#include "partition/findings.hpp"

#include <fmt/format.h>

#include <array>

#include "partition/key_choice.hpp"

namespace pgcaretaker::partition {

namespace {

using task::Finding;
using task::Severity;

constexpr int shown_per_code = 5;         // of one kind; more would bury the other kinds
constexpr std::size_t named_members = 3;  // in a finding about a group of partitions

std::string_view strategy_text(char strategy) {
  return strategy == 'l' ? "LIST" : strategy == 'h' ? "HASH" : "RANGE";
}

std::string_view kind_text(char kind) {
  switch (kind) {
    case 'r':
      return "a plain table";
    case 'v':
      return "a view";
    case 'm':
      return "a materialized view";
    case 'f':
      return "a foreign table";
    default:
      return "not a table";
  }
}

/// Text of the problem, or "".
std::string table_problem(const config::Partition& settings, const ObservedTable& table) {
  if (table.key_columns != 1) {
    return fmt::format("it is partitioned by {} columns; only one column is supported",
                       table.key_columns);
  }
  if (table.strategy != 'r') {
    return fmt::format(
        "it is partitioned by {}; only RANGE over a column that tells the time is supported",
        strategy_text(table.strategy));
  }
  if (table.key_column.empty()) {
    return "it is partitioned by an expression; only a plain column is supported";
  }
  return choose_key(settings, table).problem;
}

/// "a, b, c and 4 more"
std::string names_of(const std::vector<const Member*>& members) {
  std::string text;
  for (std::size_t i = 0; i < members.size() && i < named_members; ++i) {
    text += (i == 0 ? "" : ", ") + members[i]->observed.name.text();
  }
  if (members.size() > named_members) {
    text += fmt::format(" and {} more", members.size() - named_members);
  }
  return text;
}

void add_left_alone(const config::Partition& settings, const Draft& draft, Standing standing,
                    FindingList& findings) {
  std::vector<const Member*> members;
  bool past_retention = false;
  for (const Member& member : draft.members) {
    if (member.standing != standing) continue;
    members.push_back(&member);
    past_retention = past_retention || (draft.retention && standing != Standing::unreadable &&
                                        member.range.upper <= draft.retention->cutoff);
  }
  if (members.empty()) return;
  findings.add(past_retention ? Severity::warning : Severity::info, "unrecognised",
               settings.table.text(),
               fmt::format("{} partition{} {} and left alone{}: {}", members.size(),
                           members.size() == 1 ? " is" : "s are", standing_text(standing),
                           past_retention ? ", though past retention" : "", names_of(members)));
}

void add_default_findings(const config::Partition& settings, const Snapshot& snapshot,
                          const std::string& name, FindingList& findings) {
  const DefaultRows& found = snapshot.default_rows.value();
  if (!found.error.empty()) {
    findings.add(
        Severity::warning, "default_unreadable", name,
        fmt::format("rows of the default partition could not be counted: {}", found.error));
  }
  if (found.rows.value_or(0) == 0) return;
  const bool is_reported_only = settings.default_partition == config::DefaultPartition::report;
  std::string text = fmt::format(
      "{}{} rows lie in the default partition: they are not retired, and no partition can be "
      "created for their ranges; {}",
      found.estimated ? "about " : "", *found.rows,
      is_reported_only ? "move them into partitions of their own, or set default_partition to "
                         "\"drain\" or \"adopt\""
                       : "each pass moves what it can");
  findings.add(Severity::warning, "default_rows", name, std::move(text));
}

}  // namespace

void FindingList::add(Severity severity, std::string code, std::string subject, std::string text) {
  if (++count_by_code_[code] <= shown_per_code) {
    findings_.push_back(Finding{severity, std::move(code), std::move(subject), std::move(text)});
  }
}

void FindingList::add(std::vector<Finding> findings) {
  for (Finding& finding : findings) {
    add(finding.severity, std::move(finding.code), std::move(finding.subject),
        std::move(finding.text));
  }
}

std::vector<Finding> FindingList::take() {
  std::vector<Finding> result;
  std::map<std::string, int> seen;
  for (Finding& finding : findings_) {
    const int more = count_by_code_[finding.code] - shown_per_code;
    const bool last_shown = ++seen[finding.code] == shown_per_code && more > 0;
    result.push_back(std::move(finding));
    if (last_shown) {
      const Finding last = result.back();
      result.push_back(Finding{last.severity, last.code, last.subject,
                               fmt::format("and {} more like this", more)});
    }
  }
  findings_.clear();
  count_by_code_.clear();
  return result;
}

std::vector<Finding> table_findings(const config::Partition& settings, const ObservedTable& table) {
  const std::string name = settings.table.text();
  const auto critical = [&](std::string code, std::string text) {
    return std::vector<Finding>{
        Finding{Severity::critical, std::move(code), name, std::move(text)}};
  };
  if (table.oid == 0) {
    return critical("table_missing",
                    "there is no such table: create it, or mend table in [[partition]]");
  }
  if (table.kind != 'p') {
    return critical("not_partitioned",
                    fmt::format("it is {}, not a partitioned table: create it with PARTITION BY "
                                "RANGE, or take it out of the configuration",
                                kind_text(table.kind)));
  }
  std::string problem = table_problem(settings, table);
  if (!problem.empty()) return critical("unsupported_key", std::move(problem));
  return {};
}

void add_layout_findings(const config::Partition& settings, const Snapshot& snapshot,
                         const Draft& draft, FindingList& findings) {
  for (const Standing standing : {Standing::foreign, Standing::sub_partitioned, Standing::unbounded,
                                  Standing::inexact, Standing::unreadable}) {
    add_left_alone(settings, draft, standing, findings);
  }
  for (const Member& member : draft.members) {
    if (draft.marks.contains(member.observed.oid)) continue;
    if (member.standing == Standing::detach_pending) {
      findings.add(
          Severity::warning, "detach_pending", member.observed.name.text(),
          fmt::format("an interrupted DETACH CONCURRENTLY keeps its range from rows and from "
                      "new partitions: run ALTER TABLE {} DETACH PARTITION {} FINALIZE",
                      settings.table.sql(), member.observed.name.sql()));
    } else if (member.standing == Standing::default_partition && snapshot.default_rows) {
      add_default_findings(settings, snapshot, member.observed.name.text(), findings);
    }
  }
}

void add_journal_finding(const config::Partition& settings, const config::Journal& journal,
                         const Snapshot& snapshot, FindingList& findings) {
  if (!journal.table || snapshot.journal_writable) return;
  findings.add(
      journal.required     ? Severity::critical
      : settings.retention ? Severity::warning
                           : Severity::info,
      "no_journal", settings.table.text(),
      fmt::format("{} because {} is not there, or role {} may not add to it: load "
                  "journal.sql, or set journal.table to \"\"",
                  journal.required ? "nothing is moved or retired" : "acts are not written down",
                  journal.table->text(), snapshot.role));
}

void add_pattern_findings(const config::Partition& settings, const Pattern& pattern,
                          FindingList& findings) {
  if (!pattern.error.empty()) {
    findings.add(Severity::warning, "pattern_unreadable", settings.table.text(),
                 fmt::format("new partitions get nothing of what LIKE leaves out, since it could "
                             "not be read: {}",
                             pattern.error));
  }
  if (settings.created.storage && !pattern.may_use_tablespace) {
    findings.add(Severity::warning, "no_tablespace", settings.table.text(),
                 fmt::format("new partitions go to the default tablespace: GRANT CREATE ON "
                             "TABLESPACE {} to our role, or set partition.new.storage to false",
                             config::quote_identifier(pattern.tablespace)));
  }
}

Finding default_blocks(const config::TableName& table, const std::string& partition,
                       const std::string& bounds) {
  return Finding{
      Severity::critical, "default_blocks", partition,
      fmt::format("cannot be created: rows of its range {} lie in the default partition of "
                  "{}; the pass that moves them out creates it",
                  bounds, table.text())};
}

}  // namespace pgcaretaker::partition
