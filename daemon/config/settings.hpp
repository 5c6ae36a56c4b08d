// SPDX-License-Identifier: Apache-2.0
// Every setting as a plain value with its default. docs/configuration.md explains each one.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "async/time.hpp"
#include "config/interval.hpp"
#include "config/table_name.hpp"

namespace pgcaretaker::config {

using namespace std::chrono_literals;

struct Database {
  std::string dsn;  // libpq conninfo or URI; "" = the PG* environment
  std::string
      password_file;    // "" = none named; see config/secret.hpp for where else one is looked for
  std::string role;     // SET ROLE after connecting; "" = none
  int connections = 3;  // task connections, 1..64
  Duration connect_timeout = 5s;
  Duration statement_timeout = 30s;
  Duration idle_in_transaction_timeout = 30s;
  bool operator==(const Database&) const = default;
};

struct Http {
  std::string listen = "127.0.0.1:9791";  // host:port, [v6]:port or unix:/path
  std::string metrics_bearer_file;        // "" = no bearer wanted
  bool operator==(const Http&) const = default;
};

enum class LogLevel { trace, debug, info, warn, error, off };
enum class LogFormat { automatic, text, json, journal };

struct Log {
  LogLevel level = LogLevel::info;
  LogFormat format = LogFormat::automatic;  // "auto"
  bool operator==(const Log&) const = default;
};

struct Lease {
  bool enabled = true;
  std::string key = "pgcaretaker";
  bool operator==(const Lease&) const = default;
};

struct Journal {
  std::optional<TableName> table = TableName{"pgcaretaker", "journal"};  // nullopt = off
  bool required = false;  // without it nothing is retired
  bool operator==(const Journal&) const = default;
};

struct Archive {
  std::string directory;  // absolute; "" = none
  int level = 3;          // of zstd, 1..19
  bool csv = true;        // besides the binary file, which restores
  bool operator==(const Archive&) const = default;
};

enum class Expire { unset, drop, detach, archive };
enum class DefaultPartition { drain, adopt, report };

/// How the key column holds time; `automatic` where its type says so by itself.
enum class KeyForm { automatic, uuidv7, seconds, milliseconds, microseconds, snowflake };

/// What a new partition gets beyond LIKE.
struct NewPartitions {
  bool owner = true;             // the parent's
  bool replica_identity = true;  // the parent's
  bool statistics = true;        // the parent's targets of columns
  bool storage = true;           // options and tablespace of the newest sibling
  bool triggers = true;          // the parent's triggers on statements
  bool row_security = true;      // enabled and forced: access is through the parent
  bool no_grants = true;         // what default privileges hand out is taken back
  bool operator==(const NewPartitions&) const = default;
};

struct Partition {
  TableName table;
  KeyForm key = KeyForm::automatic;  // "auto"
  int key_shift = 22;                // bits of a snowflake below its milliseconds, 1..24
  UtcTime key_epoch{};               // where numbers count from
  Interval interval;
  int ahead = 3;                        // whole intervals beyond the current one, 0..1000
  std::string name = "{table}_y%Ym%m";  // {table} and strftime conversions of the lower bound
  Duration every = 6h;
  std::optional<Duration> retention;  // nullopt = keep for ever
  std::string retention_query;
  Expire expire = Expire::unset;
  Duration grace = 0s;
  std::string hold_query;
  int max_drops = 24;  // 0 = nothing is retired for now
  DefaultPartition default_partition = DefaultPartition::drain;
  Duration lock_timeout = 50ms;
  Duration patience = 10min;
  double press_below = 1;  // intervals of window left at the next pass
  double force_below = 0.1;
  Duration force_timeout = 30s;  // 0 = creation is never forced
  bool freeze = true;            // VACUUM (FREEZE, ANALYZE) of partitions that have closed
  bool analyze = true;           // ANALYZE of the table itself when its partitions changed
  std::optional<TableName> create_function;
  std::optional<TableName> drop_function;
  NewPartitions created;
  bool operator==(const Partition&) const = default;
};

enum class DoneAction { delete_rows, archive };
enum class DeadAction { archive, delete_rows, requeue, report };

struct OutboxDone {
  std::string where;  // never "" in checked settings, nor is `since`
  std::string since;
  Duration keep = std::chrono::days{7};
  DoneAction action = DoneAction::delete_rows;
  std::optional<TableName> archive_table{};  // must be said when the action is archive
  bool operator==(const OutboxDone&) const = default;
};

struct OutboxDead {
  std::string where;
  std::string since;
  Duration keep = std::chrono::days{30};
  DeadAction action = DeadAction::archive;
  TableName archive_table{"pgcaretaker", "dead_letters"};
  std::string requeue_set;
  int requeue_limit = 3;
  bool operator==(const OutboxDead&) const = default;
};

struct Outbox {
  TableName table;
  std::string key = "id";
  Duration every = 1min;
  std::string pending;  // never "" in checked settings
  std::string pending_since = "created_at";
  std::optional<OutboxDone> done;  // nullopt = the section is absent
  std::optional<OutboxDead> dead;
  bool operator==(const Outbox&) const = default;
};

struct Pool {
  std::string name;
  std::string user;  // globs (* and ?); "" = any
  std::string database;
  std::string application_name;
  int limit = 0;  // 0 = the role's or database's CONNECTION LIMIT, else the server's
  double warn = 0.75;
  double critical = 0.90;
  Duration hold = 30s;
  bool operator==(const Pool&) const = default;
};

struct PgBouncer {
  std::string name;
  std::string dsn;
  bool operator==(const PgBouncer&) const = default;
};

struct Saturation {
  Duration every = 10s;
  std::vector<Pool> pools;  // the pool "server" is always watched besides these
  std::vector<PgBouncer> pgbouncers;
  bool operator==(const Saturation&) const = default;
};

struct Settings {
  Database database;
  Http http;
  Log log;
  Lease lease;
  Journal journal;
  Archive archive;
  std::vector<Partition> partitions;
  std::vector<Outbox> outboxes;
  Saturation saturation;
  bool operator==(const Settings&) const = default;
};

/// Task names, as metrics, log, /status and --task spell them.
[[nodiscard]] std::string task_name(const Partition& settings);   // partition:public.audit_events
[[nodiscard]] std::string task_name(const Outbox& settings);      // outbox:public.event_outbox
[[nodiscard]] std::string task_name(const Saturation& settings);  // saturation:server
/// All of them, partitions first, in the order of the file.
[[nodiscard]] std::vector<std::string> task_names(const Settings& settings);

}  // namespace pgcaretaker::config
