// SPDX-License-Identifier: Apache-2.0
// Rehearsal, then one transaction that proves itself.
#include "archive/restore.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "archive/background.hpp"
#include "archive/catalog.hpp"
#include "archive/statements.hpp"
#include "archive/verify.hpp"
#include "async/until.hpp"
#include "postgres/lock_budget.hpp"
#include "postgres/transaction.hpp"
#include "postgres/waiter.hpp"

namespace pgcaretaker::archive {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t piece_bytes = std::size_t{1} << 20;
// For ATTACH, while which writers of a default partition and of tables that foreign keys point to
// have to wait.
constexpr Duration longest_attach = 2s;
// For all locks of ATTACH together: less than the server's deadlock_timeout of 1 s, or it would end
// who waits for us, not us.
constexpr Duration longest_wait = 900ms;
// How long somebody may wait for us before we know.
constexpr Duration watch_pause = 200ms;
// Beyond the pauses of a search for a moment to attach in.
constexpr Duration longest_pause_between = 5s;
constexpr std::string_view bounds_check = "pgcaretaker_bounds";

/// Ends the transaction of a rehearsal.
struct Rehearsed {};

/// What a reader on the side thread gave.
struct Piece {
  std::string bytes;
  FileFacts so_far;
};

/// Not while it is attached, which has limits of its own.
Awaitable<pg::Waiter> first_waiter(pg::Connection& second, int pid, async::Clock& clock,
                                   const bool& is_attaching) {
  const pg::Waitings watched{pg::Waiting::for_table};
  std::optional<pg::Waiter> waiter;
  while (!waiter) {
    co_await clock.sleep_for(watch_pause);
    if (is_attaching) continue;
    waiter = co_await pg::waiter_for(second, pid, watched);
    if (is_attaching) waiter.reset();
  }
  co_return std::move(*waiter);
}

/// The server cannot read a binary value: 42804 wrong element type, 22P03 wrong representation,
/// 42883 no function for it.
bool is_about_binary(const pg::Error& error) {
  return error.sqlstate() == "42804" || error.sqlstate() == "22P03" || error.sqlstate() == "42883";
}

class Restoring {
 public:
  Restoring(pg::Connection& connection, const RestoreRequest& request, const Workshop& workshop)
      : connection_{connection},
        request_{request},
        workshop_{workshop},
        manifest_{request.manifest} {
    progress_.subject = request.as.text();
    progress_.rows_total = manifest_.rows;
  }

  Awaitable<Restored> run() {
    co_await refuse_early();
    if (request_.attach) {
      co_await rehearse();
    }
    bool wants_csv = false;
    try {
      co_await run_from(FileFormat::binary);
    } catch (const pg::Error& error) {
      if (!is_about_binary(error) || manifest_.file(FileFormat::csv) == nullptr) throw;
      wants_csv = true;
    }
    if (wants_csv) {
      co_await run_from(FileFormat::csv);
    }
    restored_.rows = manifest_.rows;
    co_return restored_;
  }

 private:
  Awaitable<void> refuse_early() {
    const Found taken = co_await find_table(connection_, request_.as);
    if (taken.oid != 0) {
      throw Error{
          fmt::format("there is {} already: choose another name with --as", request_.as.text())};
    }
    if (!request_.attach) co_return;
    if (!manifest_.parent || manifest_.bounds.empty()) {
      throw Error{"it was no partition when it was archived: restore it with --as"};
    }
    const std::string parent = manifest_.parent->text();
    const Found found = co_await find_table(connection_, *manifest_.parent);
    if (found.oid == 0 || found.kind != 'p') {
      throw Error{
          fmt::format("there is no partitioned table {} any more: restore it with --as", parent)};
    }
    locks_ = co_await locks_of_attach(connection_, found.oid);
    const std::vector<Column> present = co_await columns_of(connection_, *manifest_.parent);
    const auto differences = column_differences(manifest_.columns, present);
    if (!differences.empty()) {
      throw Error{fmt::format("the columns of {} have changed since: {}; restore it with --as",
                              parent, fmt::join(differences, ", "))};
    }
  }

  /// Up to ATTACH nobody waits behind a lock that is asked for.
  [[nodiscard]] static pg::TransactionOptions options(Duration longest) {
    pg::TransactionOptions options;
    options.lock_timeout = longest_wait;
    options.statement_timeout = longest;
    options.idle_timeout = longest_pause_between;
    return options;
  }

  Awaitable<void> create() {
    const std::string sql = request_.attach ? create_like_sql(*manifest_.parent, request_.as)
                                            : create_free_sql(manifest_, request_.as);
    co_await connection_.query("archive.create", sql);
  }

  Awaitable<void> send(const task::Statement& statement) {
    pg::Params params = pg::Params::of(statement.params);
    const pg::Result result =
        co_await connection_.run(statement.name, statement.sql, std::move(params));
    for (const pg::Row row : result) {
      restored_.differences.push_back(row.get<std::string>("value"));
    }
  }

  Awaitable<void> attach(Duration lock_timeout) {
    restored_.differences.clear();
    for (const task::Statement& statement : request_.before_attach) {
      co_await send(statement);
    }
    const std::string limits = fmt::format(
        "SELECT pg_catalog.set_config('lock_timeout', '{}', true),\n"
        "       pg_catalog.set_config('statement_timeout', '{}', true),\n"
        "       pg_catalog.set_config('idle_in_transaction_session_timeout', '{}', true)",
        lock_timeout.count(), (longest_wait + longest_attach).count(), longest_silence.count());
    co_await connection_.query("archive.limits", limits);
    const std::string sql = attach_sql(manifest_, request_.as);
    co_await connection_.query("archive.attach", sql);
    for (const task::Statement& statement : request_.after_attach) {
      co_await send(statement);
    }
  }

  /// Rows are checked as they come in, so that ATTACH need not read them under its locks.
  Awaitable<void> fence() {
    const std::string sql = fmt::format("ALTER TABLE {} ADD CONSTRAINT {} CHECK ({})",
                                        request_.as.sql(), bounds_check, bounds_);
    co_await connection_.query("archive.fence", sql);
  }

  Awaitable<void> attach_filled() {
    pg::LockSearch search = lock_search();
    search.is_within = true;
    search.attempt = [this](Duration lock_timeout) { return try_attach(lock_timeout); };
    try {
      co_await find_moment(search);
    } catch (const pg::Error& error) {
      if (!error.is_statement_timeout() || error.is_connection_lost()) throw;
      throw Error{fmt::format(
          "{} could not be attached to {} within {} s, for which others have to wait: restore it "
          "with --as, and attach it by hand when it suits them",
          request_.as.text(), manifest_.parent->text(), longest_attach / 1s)};
    }
    const std::string sql =
        fmt::format("ALTER TABLE {} DROP CONSTRAINT {}", request_.as.sql(), bounds_check);
    co_await connection_.query("archive.unfence", sql);
  }

  Awaitable<pg::Attempt> try_attach(Duration lock_timeout) {
    co_await connection_.query("archive.savepoint", "SAVEPOINT attach");
    is_attaching_ = true;
    try {
      co_await attach(lock_timeout);
    } catch (const pg::Error& error) {
      if (!error.is_lock_timeout() && !error.is_deadlock()) throw;
      is_attaching_ = false;
    }
    const bool is_attached = is_attaching_;
    if (!is_attached) {
      co_await connection_.query("archive.rollback", "ROLLBACK TO SAVEPOINT attach");
    }
    co_await connection_.query("archive.release", "RELEASE SAVEPOINT attach");
    co_return is_attached ? pg::Attempt::ended : pg::Attempt::no_lock;
  }

  [[nodiscard]] pg::LockSearch lock_search() {
    pg::LockSearch search;
    search.may_go_on = [] { return true; };
    search.in_a_hurry = [] { return false; };
    search.growing = [](Duration) {};
    search.waiting = [this](const std::vector<pg::Holder>& holders) {
      in_the_way_ = "in the way of ATTACH: " + pg::holders_text(holders);
      progress_.stage = "waiting, " + in_the_way_;
      if (workshop_.on_progress) workshop_.on_progress(progress_);
    };
    return search;
  }

  /// What is waited for is what was looked for. Besides the default partition each foreign key has
  /// a table at its other end to wait for.
  [[nodiscard]] pg::LockEffort effort() const {
    const auto keys = std::ranges::count(locks_, true, &pg::WantedLock::comes_last);
    const Duration each = std::max(longest_wait / (1 + keys), Duration{1});
    pg::LockEffort effort = request_.effort;
    effort.lock_timeout = std::min(effort.lock_timeout, each);
    for (Duration& timeout : effort.insistence)
      timeout = std::min(timeout, each);
    return effort;
  }

  /// In which nobody is in the way of ATTACH who would be waited for for long.
  Awaitable<void> find_moment(const pg::LockSearch& search) {
    const SteadyTime now = workshop_.clock.now();
    const pg::LockEffort limited = effort();
    const pg::LockSpent spent =
        co_await pg::search_lock(connection_, workshop_.clock, now, limited, locks_, search);
    if (!spent.gave_up) co_return;
    throw Error{fmt::format(
        "{} was not attached to {}, in the way when last looked for: {}; nothing was restored: "
        "restore it again later, or with --as",
        request_.as.text(), manifest_.parent->text(), pg::holders_text(spent.holders))};
  }

  /// With an empty table ATTACH says all that it has against this range, before hours of copying.
  Awaitable<void> rehearse() {
    pg::LockSearch search = lock_search();
    search.attempt = [this](Duration lock_timeout) { return try_rehearsal(lock_timeout); };
    co_await find_moment(search);
  }

  Awaitable<pg::Attempt> try_rehearsal(Duration lock_timeout) {
    pg::Attempt attempt = pg::Attempt::ended;
    const auto body = [&]() -> Awaitable<void> {
      co_await create();
      co_await attach(lock_timeout);
      const std::string name = request_.as.sql();
      const pg::Result bounds = co_await connection_.query(
          "archive.bounds",
          "SELECT pg_catalog.pg_get_partition_constraintdef($1::pg_catalog.regclass) AS bounds",
          name);
      bounds_ = bounds.only_row().get<std::string>("bounds");
      throw Rehearsed{};
    };
    try {
      co_await pg::transact(connection_, options(longest_wait + longest_attach), body);
    } catch (const Rehearsed&) {
    } catch (const pg::Error& error) {
      if (!error.is_lock_timeout() && !error.is_deadlock()) {
        if (error.is_connection_lost() || error.is_transient()) throw;
        throw Error{fmt::format("{} cannot be attached to {}: {}", request_.as.text(),
                                manifest_.parent->text(), error.message())};
      }
      attempt = pg::Attempt::no_lock;
    }
    co_return attempt;
  }

  Awaitable<void> run_from(FileFormat format) {
    const FileFacts* const file = manifest_.file(format);
    if (file == nullptr) {
      throw Error{"its manifest names no binary file"};
    }
    progress_.stage = "reading " + file->name;
    is_attaching_ = false;
    in_the_way_.clear();
    // Before the transaction, which must not wait for a disk.
    const SharedReader reader = co_await open_reader(workshop_.side_thread, request_.folder, *file,
                                                     manifest_.copied_columns().size());
    const auto body = [&]() -> Awaitable<void> {
      co_await create();
      co_await revoke_from_others(connection_, request_.as);
      if (request_.attach) co_await fence();
      Awaitable<void> rest = fill_and_attach(*file, reader);
      co_await give_way(std::move(rest));
    };
    co_await pg::transact(connection_, options(longest_statement), body);
  }

  /// Ends `rest` as soon as somebody waits for the parent, and others behind him.
  Awaitable<void> give_way(Awaitable<void> rest) {
    if (!request_.attach || request_.watch == nullptr) {
      co_await std::move(rest);
      co_return;
    }
    Awaitable<pg::Waiter> watch =
        first_waiter(*request_.watch, connection_.backend_pid(), workshop_.clock, is_attaching_);
    const auto waiter = co_await async::run_until(std::move(rest), std::move(watch));
    if (!waiter) co_return;
    throw Error{fmt::format(
        "{} waits for a lock on {}, which would be kept for too long ({}): nothing was restored; "
        "restore it again later, or with --as (it waits with: {})",
        pg::waiter_text(*waiter), manifest_.parent->text(),
        in_the_way_.empty() ? "rows are copied" : in_the_way_, waiter->query)};
  }

  Awaitable<void> fill_and_attach(const FileFacts& file, SharedReader reader) {
    co_await fill(file, std::move(reader));
    co_await prove();
    if (request_.attach) co_await attach_filled();
  }

  Awaitable<void> fill(const FileFacts& file, SharedReader reader) {
    Piece piece;
    std::function<Piece()> read = [reader] {
      Piece next;
      next.bytes = reader->read(piece_bytes);
      next.so_far = next.bytes.empty() ? reader->finish() : reader->facts();
      return next;
    };
    const auto source = [&]() -> Awaitable<std::string_view> {
      piece = co_await in_background(workshop_.side_thread, read);
      progress_.rows_done = piece.so_far.rows;
      progress_.bytes_packed = piece.so_far.compressed_bytes;
      if (workshop_.on_progress) workshop_.on_progress(progress_);
      // Before the server hears that this was all, it must be what was archived.
      if (piece.bytes.empty() && piece.so_far != file) {
        throw Error{fmt::format("{} in {} is not what its manifest says: nothing was restored",
                                file.name, request_.folder)};
      }
      co_return std::string_view{piece.bytes};
    };
    const pg::Result server = co_await connection_.query(
        "archive.encoding", "SELECT pg_catalog.current_setting('server_encoding') AS encoding");
    const std::string sql = copy_in_sql(manifest_, request_.as, file.format,
                                        server.only_row().get<std::string>("encoding"));
    co_await set_encoding(connection_, manifest_.encoding);
    co_await connection_.copy_in("archive.restore", sql, source, workshop_.stall);
    co_await set_encoding(connection_, "UTF8");
  }

  Awaitable<void> prove() {
    const std::string sql =
        fmt::format("SELECT pg_catalog.count(*) AS rows FROM ONLY {}", request_.as.sql());
    const pg::Result counted = co_await connection_.query("archive.count", sql);
    const auto rows = counted.only_row().get<std::int64_t>("rows");
    if (rows != manifest_.rows) {
      throw Error{fmt::format("{} rows came in where the archive has {}: nothing was restored",
                              rows, manifest_.rows)};
    }
  }

  pg::Connection& connection_;
  const RestoreRequest& request_;
  const Workshop& workshop_;
  const Manifest& manifest_;
  Progress progress_;
  Restored restored_;
  std::vector<pg::WantedLock> locks_;  // of ATTACH
  std::string bounds_;                 // of what is attached, as a condition on its rows
  bool is_attaching_ = false;
  std::string in_the_way_;  // of ATTACH, once the rows are there; "" before
};

}  // namespace

Awaitable<Restored> restore(pg::Connection& connection, const RestoreRequest& request,
                            const Workshop& workshop) {
  Restoring restoring{connection, request, workshop};
  co_return co_await restoring.run();
}

}  // namespace pgcaretaker::archive
