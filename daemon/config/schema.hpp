// SPDX-License-Identifier: Apache-2.0
// Every key of the file, once: the loader, check-config and the tests of the docs all walk this.
#pragma once

#include <concepts>
#include <type_traits>

#include "config/settings.hpp"

namespace pgcaretaker::config {

template <class Section, class Expected>
concept Is = std::same_as<std::remove_const_t<Section>, Expected>;

// each_key(visitor, section) calls, in the order of the file,
//   visitor.value(name, member)           for a plain value,
//   visitor.section(name, member)         for a section that is always there,
//   visitor.optional_section(name, member) for one that may be absent,
//   visitor.list(name, member)            for an array of sections.

template <class Visitor>
void each_key(Visitor& visitor, Is<Database> auto& section) {
  visitor.value("dsn", section.dsn);
  visitor.value("password_file", section.password_file);
  visitor.value("role", section.role);
  visitor.value("connections", section.connections);
  visitor.value("connect_timeout", section.connect_timeout);
  visitor.value("statement_timeout", section.statement_timeout);
  visitor.value("idle_in_transaction_timeout", section.idle_in_transaction_timeout);
}

template <class Visitor>
void each_key(Visitor& visitor, Is<Http> auto& section) {
  visitor.value("listen", section.listen);
  visitor.value("metrics_bearer_file", section.metrics_bearer_file);
}

template <class Visitor>
void each_key(Visitor& visitor, Is<Log> auto& section) {
  visitor.value("level", section.level);
  visitor.value("format", section.format);
}

template <class Visitor>
void each_key(Visitor& visitor, Is<Lease> auto& section) {
  visitor.value("enabled", section.enabled);
  visitor.value("key", section.key);
}

template <class Visitor>
void each_key(Visitor& visitor, Is<Journal> auto& section) {
  visitor.value("table", section.table);
  visitor.value("required", section.required);
}

template <class Visitor>
void each_key(Visitor& visitor, Is<Archive> auto& section) {
  visitor.value("directory", section.directory);
  visitor.value("level", section.level);
  visitor.value("csv", section.csv);
}

template <class Visitor>
void each_key(Visitor& visitor, Is<NewPartitions> auto& section) {
  visitor.value("owner", section.owner);
  visitor.value("replica_identity", section.replica_identity);
  visitor.value("statistics", section.statistics);
  visitor.value("storage", section.storage);
  visitor.value("triggers", section.triggers);
  visitor.value("row_security", section.row_security);
  visitor.value("no_grants", section.no_grants);
}

template <class Visitor>
void each_key(Visitor& visitor, Is<Partition> auto& section) {
  visitor.value("table", section.table);
  visitor.value("key", section.key);
  visitor.value("key_shift", section.key_shift);
  visitor.value("key_epoch", section.key_epoch);
  visitor.value("interval", section.interval);
  visitor.value("ahead", section.ahead);
  visitor.value("name", section.name);
  visitor.value("every", section.every);
  visitor.value("retention", section.retention);
  visitor.value("retention_query", section.retention_query);
  visitor.value("expire", section.expire);
  visitor.value("grace", section.grace);
  visitor.value("hold_query", section.hold_query);
  visitor.value("max_drops", section.max_drops);
  visitor.value("default_partition", section.default_partition);
  visitor.value("lock_timeout", section.lock_timeout);
  visitor.value("patience", section.patience);
  visitor.value("press_below", section.press_below);
  visitor.value("force_below", section.force_below);
  visitor.value("force_timeout", section.force_timeout);
  visitor.value("freeze", section.freeze);
  visitor.value("analyze", section.analyze);
  visitor.value("create_function", section.create_function);
  visitor.value("drop_function", section.drop_function);
  visitor.section("new", section.created);
}

template <class Visitor>
void each_key(Visitor& visitor, Is<OutboxDone> auto& section) {
  visitor.value("where", section.where);
  visitor.value("since", section.since);
  visitor.value("keep", section.keep);
  visitor.value("action", section.action);
  visitor.value("archive_table", section.archive_table);
}

template <class Visitor>
void each_key(Visitor& visitor, Is<OutboxDead> auto& section) {
  visitor.value("where", section.where);
  visitor.value("since", section.since);
  visitor.value("keep", section.keep);
  visitor.value("action", section.action);
  visitor.value("archive_table", section.archive_table);
  visitor.value("requeue_set", section.requeue_set);
  visitor.value("requeue_limit", section.requeue_limit);
}

template <class Visitor>
void each_key(Visitor& visitor, Is<Outbox> auto& section) {
  visitor.value("table", section.table);
  visitor.value("key", section.key);
  visitor.value("every", section.every);
  visitor.value("pending", section.pending);
  visitor.value("pending_since", section.pending_since);
  visitor.optional_section("done", section.done);
  visitor.optional_section("dead", section.dead);
}

template <class Visitor>
void each_key(Visitor& visitor, Is<Pool> auto& section) {
  visitor.value("name", section.name);
  visitor.value("user", section.user);
  visitor.value("database", section.database);
  visitor.value("application_name", section.application_name);
  visitor.value("limit", section.limit);
  visitor.value("warn", section.warn);
  visitor.value("critical", section.critical);
  visitor.value("hold", section.hold);
}

template <class Visitor>
void each_key(Visitor& visitor, Is<PgBouncer> auto& section) {
  visitor.value("name", section.name);
  visitor.value("dsn", section.dsn);
}

template <class Visitor>
void each_key(Visitor& visitor, Is<Saturation> auto& section) {
  visitor.value("every", section.every);
  visitor.list("pool", section.pools);
  visitor.list("pgbouncer", section.pgbouncers);
}

template <class Visitor>
void each_key(Visitor& visitor, Is<Settings> auto& settings) {
  visitor.section("database", settings.database);
  visitor.section("http", settings.http);
  visitor.section("log", settings.log);
  visitor.section("lease", settings.lease);
  visitor.section("journal", settings.journal);
  visitor.section("archive", settings.archive);
  visitor.list("partition", settings.partitions);
  visitor.list("outbox", settings.outboxes);
  visitor.section("saturation", settings.saturation);
}

}  // namespace pgcaretaker::config
