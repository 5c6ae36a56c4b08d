// SPDX-License-Identifier: Apache-2.0
// What the database looks like to the partition task: read by catalog, thought about by plan.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "async/time.hpp"
#include "config/table_name.hpp"
#include "partition/calendar.hpp"

namespace pgcaretaker::partition {

/// One row of pg_inherits below the configured table.
struct ObservedPartition {
  std::int64_t oid = 0;
  config::TableName name;
  char kind = 'r';                   // pg_class.relkind: r table, f foreign, p partitioned
  bool detach_pending = false;       // an interrupted DETACH ... CONCURRENTLY
  bool owned = true;                 // our role may drop it
  std::string bounds;                // pg_get_expr(relpartbound), UTC and ISO
  std::optional<std::int64_t> rows;  // reltuples; nullopt = never counted by the server
  std::int64_t bytes = 0;            // relpages * block size, as of the last VACUUM or ANALYZE
};

/// A table at the other end of a foreign key.
struct Neighbour {
  std::int64_t oid = 0;
  std::string name;  // as regclass writes it
};

/// The configured table itself and our standing towards it.
struct ObservedTable {
  std::int64_t oid = 0;  // 0 = there is no such table
  char kind = 'p';       // pg_class.relkind
  char strategy = 'r';   // r range, l list, h hash
  int key_columns = 1;
  std::string key_column;  // "" = an expression
  std::string key_type;    // as format_type writes it
  std::string owner;
  bool owned = true;                   // our role is or may act as the owner
  bool may_create = true;              // CREATE and USAGE on the schema
  std::vector<Neighbour> referenced;   // by foreign keys of this table
  std::vector<Neighbour> referencing;  // whose foreign keys point to this table
};

struct DefaultRows {
  std::optional<std::int64_t> rows;  // nullopt = not even an estimate
  bool estimated = false;
  std::string error;  // why they could not be counted; "" = counted
};

/// What retention_query answered.
struct RetentionAnswer {
  std::optional<std::int64_t> days;  // nullopt = no row, NULL, or an error
  std::string error;                 // why it is not usable; "" = usable
};

/// A table whose comment may be our marker.
struct CommentedTable {
  ObservedPartition table;       // without bounds
  std::int64_t attached_to = 0;  // OID of its parent; 0 = it stands alone
  bool is_lifted = false;        // row-level security is enabled, but not forced upon the owner
  std::string comment;
};

struct Snapshot {
  UtcTime now;
  std::string plan_id;            // a new UUID each time
  std::string host;               // of this machine
  bool journal_writable = false;  // it is there and we may add to it
  bool in_recovery = false;
  std::string role;  // current_user
  ObservedTable table;
  std::vector<ObservedPartition> partitions;
  std::vector<CommentedTable> commented;    // of any parent; empty when nobody wants to know
  std::optional<DefaultRows> default_rows;  // nullopt = there is no default partition
  RetentionAnswer retention;
};

/// What LIKE leaves out, as the parent and its newest partition have it.
struct Pattern {
  struct Target {
    std::string column;
    int target = 0;
  };
  struct Trigger {
    std::string name;
    std::string table;       // as the definition writes it
    std::string definition;  // CREATE TRIGGER ...
    char enabled = 'O';      // pg_trigger.tgenabled
  };
  std::string error;            // why it could not be read; "" = it was
  char replica_identity = 'd';  // pg_class.relreplident
  std::optional<std::int64_t> replica_index;
  std::vector<Target> statistics;     // columns whose target is not the server's default
  std::vector<Trigger> triggers;      // on statements
  std::vector<Trigger> row_triggers;  // these come with ATTACH and go with DETACH
  bool has_sibling = false;           // whose storage is followed
  std::vector<std::string> options;
  std::vector<std::string> toast_options;
  std::string tablespace;  // "" = the database's
  bool may_use_tablespace = true;
  std::vector<std::string> grantees;  // of our default privileges, besides PUBLIC
};

/// Whether hold_query lets a partition go.
struct Hold {
  bool held = false;
  std::string error;  // an error holds; "" = it answered
};

/// Rows of the default partition that belong to one range without a partition.
struct Stranded {
  TimeRange range{};
  std::string name;                  // the partition it would get, in the parent's schema
  std::optional<std::int64_t> rows;  // nullopt = too many to count in time
};

/// What the default partition is, beyond its bounds.
struct DefaultContents {
  std::vector<Stranded> stranded;      // oldest first
  bool complete = false;               // `stranded` has every range that has rows
  std::string error;                   // why not all of `stranded` could be read; "" = it was
  bool odd_keys = false;               // rows without a place in the calendar; read for adoption
  std::vector<std::string> guards;     // CHECK constraints of ours that an earlier pass left on it
  bool guards_refuse = false;          // rows that are written by now, not only those far ahead
  std::vector<std::string> intruders;  // triggers and rules that a DELETE from it would set off
  std::vector<std::string> columns;    // of the parent, without generated ones
  bool row_security = false;           // enabled on it
  bool forced_row_security = false;
};

/// What has to go before a table can.
struct Ties {
  struct ForeignKey {
    std::string name;
    Neighbour table;  // the one it points to
  };
  std::vector<ForeignKey> foreign_keys;
  std::vector<std::string> grantees;  // others than PUBLIC and the owner
  std::vector<std::string> triggers;  // on statements
};

/// Answers to questions that only arise once the first draft of a plan is there.
struct Answers {
  std::map<std::string, std::string> taken_names;  // name in the parent's schema -> what has it
  Pattern pattern;                                 // empty when nothing is made or taken out
  std::vector<bool> blocked;           // per missing range: rows of it lie in the default
  std::map<std::int64_t, Hold> holds;  // by partition OID; absent = not asked
  bool holds_cut_short = false;        // there was no time to ask about all
  DefaultContents contents;            // empty when there is no default partition
  std::map<std::int64_t, Ties> ties;   // by OID of the table; absent = it has none
  bool outdated = false;               // a partition was attached that the snapshot does not have
};

}  // namespace pgcaretaker::partition
