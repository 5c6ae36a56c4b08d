// SPDX-License-Identifier: Apache-2.0
// Writing the SQL of each act.
#include "partition/chain.hpp"

#include <fmt/format.h>

#include "archive/proof.hpp"
#include "partition/detached_guards.hpp"
#include "partition/retire_steps.hpp"
#include "postgres/quote.hpp"

namespace pgcaretaker::partition {

namespace {

using pg::LockMode;
using task::Statement;
using task::Step;

Statement lock_gently(const config::TableName& table) {
  return make_statement(
      statement::lock,
      fmt::format("LOCK TABLE ONLY {} IN SHARE UPDATE EXCLUSIVE MODE", table.sql()));
}

std::string by_identity(const ObservedPartition& table) {
  return fmt::format("c.oid = {} AND n.nspname = {} AND c.relname = {} AND c.relkind = 'r'",
                     table.oid, pg::quote_literal(table.name.schema),
                     pg::quote_literal(table.name.name));
}

std::string by_marker(const std::string& expected) {
  return fmt::format(
      "pg_catalog.starts_with(coalesce(pg_catalog.obj_description(c.oid, 'pg_class'), ''),\n"
      "         {})",
      pg::quote_literal(expected));
}

class Chain {
 public:
  Chain(const StepContext& context, const Retiree& retiree,
        const std::optional<Retention>& retention, bool is_out)
      : context_{context},
        retiree_{retiree},
        retention_{retention},
        table_{retiree.observed.name},
        parent_{context.settings.table},
        is_out_{is_out},
        expected_{retiree.comment} {}

  Step force() {
    Step step = begin(Arrow::guard);
    step.statements = {
        lock_only(table_), detached_guard(""),
        make_statement(statement::liken,
                       fmt::format("ALTER TABLE {} FORCE ROW LEVEL SECURITY", table_.sql()))};
    lock_table(step);
    return step;
  }

  Step step(Arrow act, std::size_t& foreign_key) {
    Step step = begin(act);
    if (act != Arrow::mark && act != Arrow::unmark) set_size(step, retiree_.observed);
    switch (act) {
      case Arrow::mark:
        mark(step);
        break;
      case Arrow::unmark:
        unmark(step);
        break;
      case Arrow::detach:
        detach(step);
        break;
      case Arrow::detach_concurrently:
        detach_concurrently(step);
        break;
      case Arrow::finish:
        finish(step);
        break;
      case Arrow::guard:
        guard(step);
        break;
      case Arrow::release:
        release(step, retiree_.ties.foreign_keys.at(foreign_key++));
        break;
      case Arrow::archive:
        archive(step);
        break;
      case Arrow::drop:
        drop(step);
        break;
      case Arrow::time:
      case Arrow::answer:
      case Arrow::person:
        break;
    }
    return step;
  }

 private:
  [[nodiscard]] Step begin(Arrow act) const {
    Step step;
    step.action = arrow_text(act);
    step.subject = table_.text();
    step.reason = retiree_.reason;
    step.by_age = true;
    return step;
  }

  void mark(Step& step) {
    step.statements = {lock_gently(table_), attached_guard(context_, retiree_.observed)};
    write_marker(step, MarkerState::marked);
    step.lock = "SHARE UPDATE EXCLUSIVE on " + table_.text();
    step.locks = {{retiree_.observed.oid, LockMode::share_update_exclusive}};
  }

  void unmark(Step& step) {
    step.statements = {lock_gently(table_), still_marked(),
                       unmark_statement(retiree_.observed.oid, table_)};
    step.lock = "SHARE UPDATE EXCLUSIVE on " + table_.text();
    step.locks = {{retiree_.observed.oid, LockMode::share_update_exclusive}};
    step.by_age = false;
  }

  void detach(Step& step) {
    step.statements = {lock_only(parent_), lock_only(table_),
                       attached_guard(context_, retiree_.observed)};
    ask_again(step);
    write_down(context_, step, fmt::format("c.oid = {}", retiree_.observed.oid));
    write_marker(step, MarkerState::detached);
    step.statements.push_back(make_statement(
        statement::detach,
        fmt::format("ALTER TABLE {} DETACH PARTITION {}", parent_.sql(), table_.sql())));
    add_guards(step);
    step.lock = "ACCESS EXCLUSIVE on " + parent_.text() + ", " + table_.text();
    if (context_.default_partition) step.lock += ", " + context_.default_partition->name.text();
    add_names(step.lock, context_.referenced);
    add_names(step.lock, context_.referencing);
    step.locks = wanted_locks(context_, LockMode::access_exclusive, &retiree_.observed);
  }

  /// Where it comes to nothing the marker goes: it must not make ours what a person detaches then.
  void detach_concurrently(Step& step) const {
    step.statements = {make_statement(statement::detach_concurrently,
                                      fmt::format("ALTER TABLE {} DETACH PARTITION {} CONCURRENTLY",
                                                  parent_.sql(), table_.sql()))};
    step.lock = fmt::format(
        "SHARE UPDATE EXCLUSIVE on {}; waits for who uses it, then ACCESS EXCLUSIVE on {}",
        parent_.text(), table_.text());
    step.take_back = {lock_gently(table_), still_marked(),
                      unmark_statement(retiree_.observed.oid, table_)};
    // Not asked for, but looked at: whoever uses the table now is waited for.
    step.locks = {{context_.table_oid, LockMode::access_exclusive},
                  {retiree_.observed.oid, LockMode::access_exclusive}};
  }

  void finish(Step& step) {
    step.statements = {lock_gently(parent_), lock_only(table_)};
    step.statements.push_back(make_statement(
        statement::guard,
        fmt::format("SELECT 1\n"
                    "  FROM pg_catalog.pg_class AS c\n"
                    "  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace\n"
                    "  JOIN pg_catalog.pg_inherits AS i ON i.inhrelid = c.oid\n"
                    " WHERE {}\n"
                    "   AND i.inhparent = {} AND i.inhdetachpending\n"
                    "   AND {}",
                    by_identity(retiree_.observed), context_.table_oid, by_marker(expected_)),
        1));
    // It waits for every transaction of the database with an older view, and holds nobody up but
    // who waits for this table: still shorter than the server takes to see a deadlock in that.
    step.statements.push_back(
        make_statement(statement::limit,
                       "SELECT pg_catalog.set_config('lock_timeout', '900ms', true),\n"
                       "       pg_catalog.set_config('statement_timeout', '900ms', true)"));
    step.statements.push_back(make_statement(
        statement::finalize,
        fmt::format("ALTER TABLE {} DETACH PARTITION {} FINALIZE", parent_.sql(), table_.sql())));
    end_detach(step);
    step.lock = fmt::format("ACCESS EXCLUSIVE on {}, SHARE UPDATE EXCLUSIVE on {}", table_.text(),
                            parent_.text());
    step.locks = {{context_.table_oid, LockMode::share_update_exclusive},
                  {retiree_.observed.oid, LockMode::access_exclusive}};
    for (const Neighbour& each : context_.referenced) {
      step.locks.push_back({each.oid, LockMode::share_row_exclusive, true});
    }
    step.by_age = false;
  }

  void guard(Step& step) {
    step.statements = {lock_only(table_), detached_guard("")};
    end_detach(step);
    lock_table(step);
    // What is out of the table already must not lie bare for long, whatever the clock says.
    step.by_age = !is_out_;
  }

  void release(Step& step, const Ties::ForeignKey& key) const {
    step.statements = {lock_only(table_), detached_guard("")};
    ask_again(step);
    step.statements.push_back(make_statement(
        statement::release, fmt::format("ALTER TABLE {} DROP CONSTRAINT {}", table_.sql(),
                                        config::quote_identifier(key.name))));
    lock_table(step);
    step.lock += ", " + key.table.name;
    step.locks.push_back({key.table.oid, LockMode::access_exclusive});
  }

  /// The transaction after the archive has been written and read back.
  void archive(Step& step) {
    step.statements = {lock_gently(table_), detached_guard("")};
    ask_again(step);
    step.statements.push_back(archive_name_statement());
    write_marker(step, MarkerState::archived);
    write_counted(step);
    step.lock = fmt::format(
        "SHARE on {} while it is copied, with ACCESS EXCLUSIVE before and after where its "
        "row-level security has to be lifted; then SHARE UPDATE EXCLUSIVE",
        table_.text());
    step.locks = {{retiree_.observed.oid, LockMode::share_update_exclusive}};
    step.target = target();
  }

  void drop(Step& step) const {
    step.statements = {
        lock_only(table_),
        detached_guard("\n   AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint AS f\n"
                       "                    WHERE f.conrelid = c.oid AND f.contype = 'f')")};
    if (archives(context_.settings)) {
      append(step.statements, archive::unchanged_since_archived(retiree_.observed.oid, table_));
      // The proof may take long, what follows must not.
      step.statements.push_back(
          make_statement(statement::limit, "SET LOCAL statement_timeout = '5s'"));
      step.target = target();
    }
    ask_again(step);
    if (archives(context_.settings)) {
      write_counted(step);
    } else {
      write_of_table(step, action::drop);
    }
    step.statements.push_back(
        make_statement(statement::drop, fmt::format("DROP TABLE {}", table_.sql())));
    lock_table(step);
    step.reversible = archives(context_.settings);
  }

  [[nodiscard]] task::Target target() const {
    return {retiree_.observed.oid, table_, retiree_.observed.bounds, context_.plan_id};
  }

  /// Its marker is ours, and it is attached to whatever table. Half detached from ours it needs the
  /// marker still.
  [[nodiscard]] Statement still_marked() const {
    return make_statement(
        statement::guard,
        fmt::format("SELECT 1\n"
                    "  FROM pg_catalog.pg_class AS c\n"
                    "  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace\n"
                    " WHERE {}\n"
                    "   AND EXISTS (SELECT FROM pg_catalog.pg_inherits AS i\n"
                    "                WHERE i.inhrelid = c.oid\n"
                    "                  AND (i.inhparent <> {} OR NOT i.inhdetachpending))\n"
                    "   AND {}",
                    by_identity(retiree_.observed), context_.table_oid, by_marker(expected_)),
        1);
  }

  /// Of a table that stands alone.
  void lock_table(Step& step) const {
    step.lock = "ACCESS EXCLUSIVE on " + table_.text();
    step.locks = {{retiree_.observed.oid, LockMode::access_exclusive}};
  }

  /// It is ours still, and nobody has attached it to anything.
  [[nodiscard]] Statement detached_guard(std::string_view besides) const {
    return make_statement(
        statement::guard,
        fmt::format("SELECT 1\n"
                    "  FROM pg_catalog.pg_class AS c\n"
                    "  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace\n"
                    " WHERE {}\n"
                    "   AND NOT EXISTS (SELECT FROM pg_catalog.pg_inherits AS i\n"
                    "                    WHERE i.inhrelid = c.oid)\n"
                    "   AND {}{}",
                    by_identity(retiree_.observed), by_marker(expected_), besides),
        1);
  }

  /// After it has left its parent: guards, marker, and the row that tells of it.
  void end_detach(Step& step) {
    write_marker(step, MarkerState::detached);
    write_of_table(step, action::detach);
    add_guards(step);
  }

  /// The row of the journal.
  void write_of_table(Step& step, std::string_view act) const {
    if (!context_.journal) return;
    step.statements.push_back(journal_of_table(*context_.journal, act, retiree_.observed.oid,
                                               retiree_.observed.bounds, step.reason));
  }
  /// With the rows that its archive has.
  void write_counted(Step& step) const {
    if (context_.journal) step.statements.push_back(counted_rows_statement());
    write_of_table(step, step.action);
  }

  void add_guards(Step& step) const {
    append(step.statements, guards_of_detached(context_.settings, context_.pattern, retiree_.ties,
                                               context_.table_oid, retiree_.observed));
  }

  void write_marker(Step& step, MarkerState state) {
    Marker marker;
    marker.parent = context_.table_oid;
    marker.table = parent_.text();
    marker.oid = retiree_.observed.oid;
    marker.bounds = retiree_.observed.bounds;
    marker.drops = retiree_.drops;
    marker.plan = context_.plan_id;
    marker.state = state;
    step.statements.push_back(mark_statement(marker, table_, !expected_.empty()));
    expected_ = marker_head(marker);
  }

  void ask_again(Step& step) const {
    if (retention_ && retention_->shortened) {
      step.statements.push_back(still_expired(context_, retiree_.range, *retention_));
    }
    if (!context_.settings.hold_query.empty()) {
      step.statements.push_back(hold_statement(context_.settings.hold_query, retiree_.range));
    }
  }

  const StepContext& context_;
  const Retiree& retiree_;
  const std::optional<Retention>& retention_;
  const config::TableName& table_;
  const config::TableName& parent_;
  bool is_out_;           // of the table, before the first step
  std::string expected_;  // what its comment begins with when the next step comes; "" = anything
};

}  // namespace

std::vector<Step> chain_steps(const StepContext& context, const Retiree& retiree,
                              const std::optional<Retention>& retention,
                              const std::vector<Arrow>& acts) {
  const bool is_out = !acts.empty() && acts.front() == Arrow::guard;
  Chain chain{context, retiree, retention, is_out};
  std::vector<Step> steps;
  std::size_t foreign_key = 0;
  for (const Arrow act : acts) {
    steps.push_back(chain.step(act, foreign_key));
  }
  return steps;
}

Step force_step(const StepContext& context, const Retiree& retiree) {
  const std::optional<Retention> none;
  return Chain{context, retiree, none, false}.force();
}

std::string attach_again_sql(const StepContext& context, const Retiree& retiree) {
  const std::string table = retiree.observed.name.sql();
  const std::optional<Marker> marker = parse_marker(retiree.comment);
  const bool had_comment = marker && marker->comment;
  std::string sql = fmt::format("BEGIN; COMMENT ON TABLE {} IS {}; ", table,
                                had_comment ? pg::quote_literal(*marker->comment) : "NULL");
  if (context.settings.created.triggers) {
    for (const Pattern::Trigger& trigger : context.pattern.row_triggers) {
      sql += fmt::format("DROP TRIGGER {} ON {}; ", config::quote_identifier(trigger.name), table);
    }
  }
  return sql + fmt::format("ALTER TABLE {} ATTACH PARTITION {} {}; COMMIT",
                           context.settings.table.sql(), table, retiree.observed.bounds);
}

}  // namespace pgcaretaker::partition
