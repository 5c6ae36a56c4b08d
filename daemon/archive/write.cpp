// SPDX-License-Identifier: Apache-2.0
// The order of acts that makes an archive whole or not there at all.
#include "archive/write.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "archive/background.hpp"
#include "archive/catalog.hpp"
#include "archive/files.hpp"
#include "archive/location.hpp"
#include "archive/packed_file.hpp"
#include "archive/row_security.hpp"
#include "archive/statements.hpp"
#include "archive/store.hpp"
#include "archive/verify.hpp"
#include "async/shield.hpp"
#include "postgres/timestamp.hpp"
#include "postgres/transaction.hpp"

namespace pgcaretaker::archive {

namespace {

using namespace std::chrono_literals;

constexpr Duration clean_up_budget = 2s;

// Values in the CSV file are written alike whatever the database or the role prefers; a scan starts
// at the beginning, so that two archives of one content are equal.
constexpr const char* copy_settings =
    "SELECT pg_catalog.set_config('synchronize_seqscans', 'off', true),\n"
    "       pg_catalog.set_config('bytea_output', 'hex', true),\n"
    "       pg_catalog.set_config('extra_float_digits', '1', true)";

class Writing {
 public:
  Writing(pg::Connection& connection, const Subject& subject, const Workshop& workshop)
      : connection_{connection}, subject_{subject}, workshop_{workshop} {
    progress_.subject = subject.table.text();
  }

  Awaitable<Archived> run() {
    const Found found = co_await look();
    parent_ = subject_.parent ? subject_.parent : found.parent;
    bounds_ = subject_.bounds.empty() ? found.bounds : subject_.bounds;
    folder_name_ = folder_of(parent_.value_or(subject_.table));
    folder_ = workshop_.settings.directory + '/' + folder_name_;
    co_await open_folder();
    if (!found.is_filtered) co_return co_await find_or_write();
    const auto force = [this] { return force_row_security(); };
    Awaitable<Archived> work = lift_and_go_on();
    co_return co_await async::shield(std::move(work), force,
                                     workshop_.lock_timeout + clean_up_budget);
  }

 private:
  void step(const std::string& what) const {
    if (workshop_.on_step) workshop_.on_step(what);
  }

  Awaitable<void> act(std::string what, std::function<void()> call) {
    step(what);
    co_await in_background(workshop_.side_thread, std::move(call));
  }

  Awaitable<Found> look() {
    step("look");
    Found found = co_await find_table(connection_, subject_.table);
    const std::string name = subject_.table.text();
    if (found.oid != subject_.oid) {
      throw Interruption{fmt::format("{} is another table by now: nothing was archived", name)};
    }
    if (found.is_filtered && !(found.is_forced && subject_.is_detached)) {
      throw Error{
          fmt::format("policies of {} would hide rows from this role: archive it with a "
                      "role that has BYPASSRLS",
                      name)};
    }
    co_return found;
  }

  Awaitable<Archived> find_or_write() {
    std::optional<Archived> earlier = co_await find_earlier();
    if (earlier) co_return std::move(*earlier);
    const auto clean_up = [this] { return remove_leftovers(); };
    Awaitable<Archived> work = write();
    co_return co_await async::shield(std::move(work), clean_up, clean_up_budget);
  }

  Awaitable<Archived> lift_and_go_on() {
    co_await lift_row_security();
    Archived archived = co_await find_or_write();
    co_await force_row_security();
    archived.is_lifted = is_lifted_;
    co_return archived;
  }

  /// After a cancel nobody knows.
  Awaitable<void> lift_row_security() {
    step("lift row-level security");
    is_lifted_ = true;
    try {
      co_await lift_forced(connection_, subject_.oid, subject_.table, workshop_.lock_timeout);
    } catch (const pg::Error&) {
      is_lifted_ = false;
      throw;
    } catch (const Interruption&) {
      is_lifted_ = false;
      throw;
    }
  }

  Awaitable<void> force_row_security() {
    if (!is_lifted_) co_return;
    step("force row-level security");
    const bool is_forced =
        co_await force_again(connection_, subject_.oid, subject_.table, workshop_.lock_timeout);
    is_lifted_ = !is_forced;
  }

  Awaitable<void> open_folder() {
    const std::string directory = workshop_.settings.directory;
    std::function<void()> make = [directory, name = folder_name_] { make_folder(directory, name); };
    co_await act("make folder", std::move(make));
    step("lock folder");
    std::function<std::shared_ptr<Descriptor>()> lock = [folder = folder_] {
      return lock_folder(folder);
    };
    lock_ = co_await in_background(workshop_.side_thread, std::move(lock));
    co_await remove_leftovers();
  }

  Awaitable<void> remove_leftovers() {
    // The lock is kept until this is done, even when nobody waits for it any more.
    std::function<void()> remove = [folder = folder_, lock = lock_] { remove_partial(folder); };
    co_await act("remove leftovers", std::move(remove));
  }

  [[nodiscard]] std::string name_of(int number) const {
    return archive_name(subject_.table, bounds_, number);
  }

  /// Looks at the archives that have this table's name; leaves in number_ the first free one.
  Awaitable<std::optional<Archived>> find_earlier() {
    std::optional<Manifest> present;
    while (true) {
      const std::string name = name_of(number_);
      const std::string path = folder_ + '/' + name;
      std::function<std::optional<Stored>()> look = [path, name]() -> std::optional<Stored> {
        if (!exists(path)) return std::nullopt;
        return load(name, path);
      };
      step("look for " + name);
      const std::optional<Stored> stored = co_await in_background(workshop_.side_thread, look);
      if (!stored) co_return std::nullopt;
      if (stored->manifest) {
        if (!present) present = co_await describe_now();
        const bool is_good = co_await is_of_this_table(*stored, *present);
        if (is_good) co_return Archived{folder_name_ + '/' + name, path, *stored->manifest, true};
      }
      ++number_;
    }
  }

  Awaitable<bool> is_of_this_table(const Stored& stored, const Manifest& present) {
    const Manifest& manifest = stored.manifest.value();
    if (manifest.fingerprint != present.fingerprint || manifest.table != present.table ||
        manifest.database != present.database || manifest.columns != present.columns) {
      co_return false;
    }
    progress_.rows_total = manifest.rows * static_cast<std::int64_t>(manifest.files.size());
    const std::vector<std::string> faults = co_await verify(
        workshop_.side_thread, stored.folder, manifest, progress_, workshop_.on_progress);
    co_return faults.empty();
  }

  Awaitable<Manifest> describe_now() {
    Manifest manifest;
    const auto body = [&]() -> Awaitable<void> {
      co_await begin();
      manifest = co_await describe(connection_, subject_.oid, subject_.table, parent_);
    };
    co_await pg::transact(connection_, options(), body);
    co_return manifest;
  }

  [[nodiscard]] pg::TransactionOptions options() const {
    pg::TransactionOptions options;
    options.lock_timeout = workshop_.lock_timeout;
    options.statement_timeout = longest_statement;
    options.idle_timeout = longest_idle;
    options.read_only = true;
    options.repeatable_read = true;
    return options;
  }

  /// The lock comes before the snapshot, so the snapshot misses nothing.
  Awaitable<void> begin() {
    step("lock table");
    const std::string table = subject_.table.sql();
    const std::string lock = fmt::format("LOCK TABLE ONLY {} IN {} MODE", table,
                                         subject_.is_detached ? "SHARE" : "ACCESS SHARE");
    co_await connection_.query("archive.lock", lock);
    // Attached again by now it would be in use, and not ours to keep writers from.
    step("check that it is detached");
    if (subject_.is_detached) {
      co_await require_detached(connection_, subject_.oid, subject_.table);
    }
    step("settings");
    co_await connection_.query("archive.settings", copy_settings);
    step("describe");
  }

  Awaitable<Archived> write() {
    name_ = name_of(number_);
    partial_ = folder_ + '/' + std::string{partial_prefix} + name_;
    std::function<void()> make = [folder = folder_, name = std::string{partial_prefix} + name_] {
      make_folder(folder, name);
    };
    co_await act("make partial", std::move(make));
    const auto body = [this]() -> Awaitable<void> { co_await copy_all(); };
    co_await pg::transact(connection_, options(), body);
    co_await force_row_security();
    co_await read_back();
    co_await publish_it();
    co_return Archived{folder_name_ + '/' + name_, folder_ + '/' + name_, manifest_, false};
  }

  Awaitable<void> copy_all() {
    co_await begin();
    manifest_ = co_await describe(connection_, subject_.oid, subject_.table, parent_);
    manifest_.bounds = bounds_;
    manifest_.plan_id = subject_.plan_id;
    manifest_.pgcaretaker = workshop_.version;
    manifest_.written_at = pg::format_iso8601(workshop_.clock.utc_now());
    const int files = workshop_.settings.csv ? 2 : 1;
    progress_.rows_total = manifest_.rows * files * 2;  // written and read back
    co_await copy(FileFormat::binary, std::string(binary_name));
    if (workshop_.settings.csv) {
      co_await copy(FileFormat::csv, std::string(csv_name));
    }
  }

  using Writer = std::shared_ptr<PackedWriter>;

  Awaitable<Writer> open_writer(FileFormat format, std::string name) {
    std::function<Writer()> open = [partial = partial_, name, format,
                                    columns = manifest_.copied_columns().size(),
                                    level = workshop_.settings.level] {
      return std::make_shared<PackedWriter>(partial, name, format, columns, level);
    };
    step("open " + name);
    co_return co_await in_background(workshop_.side_thread, std::move(open));
  }

  Awaitable<void> append(Writer writer, std::string piece, std::int64_t rows_before) {
    const auto bytes = std::make_shared<std::string>(std::move(piece));
    std::function<FileFacts()> write = [writer, bytes] {
      writer->append(*bytes);
      return writer->facts();
    };
    step("append");
    const FileFacts so_far = co_await in_background(workshop_.side_thread, std::move(write));
    progress_.rows_done = rows_before + so_far.rows;
    progress_.bytes_packed = so_far.compressed_bytes;
    if (workshop_.on_progress) workshop_.on_progress(progress_);
  }

  Awaitable<void> copy(FileFormat format, std::string name) {
    const Writer writer = co_await open_writer(format, name);
    progress_.stage = "writing " + name;
    const std::int64_t rows_before = progress_.rows_done;
    const auto sink = [&](std::string& piece) {
      return append(writer, std::move(piece), rows_before);
    };
    const std::string sql = copy_out_sql(manifest_, format);
    co_await set_encoding(connection_, manifest_.encoding);
    step("copy " + name);
    const std::int64_t copied =
        co_await connection_.copy_out("archive.copy", sql, sink, workshop_.stall);
    co_await set_encoding(connection_, "UTF8");
    std::function<FileFacts()> finish = [writer] { return writer->finish(); };
    step("finish " + name);
    FileFacts facts = co_await in_background(workshop_.side_thread, std::move(finish));
    if (facts.rows != manifest_.rows || copied != manifest_.rows) {
      throw Error{
          fmt::format("{} has {} rows, but its COPY gave {} and {} holds {}: nothing was "
                      "archived",
                      subject_.table.text(), manifest_.rows, copied, name, facts.rows)};
    }
    manifest_.files.push_back(std::move(facts));
  }

  Awaitable<void> read_back() {
    step("read back");
    const std::vector<std::string> faults = co_await verify(
        workshop_.side_thread, partial_, manifest_, progress_, workshop_.on_progress);
    if (!faults.empty()) {
      throw Error{fmt::format("what was read back of {} is not what was written: {}",
                              subject_.table.text(), faults.front())};
    }
  }

  Awaitable<void> publish_it() {
    std::function<void()> write = [path = fmt::format("{}/{}", partial_, manifest_name),
                                   text = manifest_text(manifest_)] { write_file(path, text); };
    co_await act("write manifest", std::move(write));
    std::function<void()> sync = [partial = partial_] { sync_folder(partial); };
    co_await act("sync partial", std::move(sync));
    std::function<void()> rename = [from = partial_, to = folder_ + '/' + name_] {
      publish(from, to);
    };
    co_await act("publish", std::move(rename));
    std::function<void()> sync_all = [folder = folder_] { sync_folder(folder); };
    co_await act("sync folder", std::move(sync_all));
    step("done");
  }

  pg::Connection& connection_;
  const Subject& subject_;
  const Workshop& workshop_;
  std::string folder_name_;
  std::string folder_;  // of all archives of the table
  std::optional<config::TableName> parent_;
  std::string bounds_;
  std::string name_;
  std::string partial_;  // where it is written
  int number_ = 1;
  bool is_lifted_ = false;  // row-level security, by us
  std::shared_ptr<Descriptor> lock_;
  Progress progress_;
  Manifest manifest_;
};

}  // namespace

Awaitable<Archived> archive_table(pg::Connection& connection, const Subject& subject,
                                  const Workshop& workshop) {
  if (workshop.settings.directory.empty()) {
    throw Error{"there is no place for archives: set archive.directory"};
  }
  Writing writing{connection, subject, workshop};
  co_return co_await writing.run();
}

}  // namespace pgcaretaker::archive
