// SPDX-License-Identifier: Apache-2.0
// One transaction a step.
#include "partition/apply.hpp"

#include <chrono>
#include <optional>

#include "partition/refusal.hpp"
#include "partition/steps.hpp"
#include "postgres/transaction.hpp"

namespace pgcaretaker::partition {

namespace {

using task::Applied;
using task::Statement;
using task::Step;
using telemetry::Metric;
using telemetry::Sample;

/// When the step's locks are held: from the first lock granted (LOCK TABLE), or from the beginning
/// of the statement that takes them (ATTACH, a function), to the end of the transaction.
class LockWatch {
 public:
  void before(const Statement& sent) {
    if (sent.name == statement::attach || sent.name == statement::create_function ||
        sent.name == statement::drop_function) {
      start();
    }
  }
  void after(const Statement& sent) {
    if (sent.name == statement::lock) start();
  }
  [[nodiscard]] std::optional<double> seconds() const {
    if (!since_) return std::nullopt;
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - *since_).count();
  }

 private:
  void start() {
    if (!since_) since_ = std::chrono::steady_clock::now();
  }
  std::optional<SteadyTime> since_;
};

pg::Params pack(const Statement& sent) {
  pg::Params params;
  for (const std::string& param : sent.params) {
    params.add(param);
  }
  return params;
}

// While a retirement holds its locks, all writers of the table wait: catalog changes take
// milliseconds, and a hold_query that takes longer than this is not worth their wait.
constexpr Duration longest_retirement = std::chrono::milliseconds{500};
// ATTACH reads the whole default partition under its lock; what writers of the default and readers
// of the table may be asked to wait once per partition.
constexpr Duration longest_attach = std::chrono::seconds{2};
// A daemon that is stopped or cut off between two statements must not keep its locks.
constexpr Duration longest_silence = std::chrono::milliseconds{500};

/// Beside lock_timeout, which the step brings itself. What a configured function does is its own.
pg::TransactionOptions limits_of(const config::Partition& settings, const Step& step) {
  pg::TransactionOptions options;
  options.idle_timeout = longest_silence;
  const bool creates = step.action == action::create;
  const bool by_function =
      creates ? settings.create_function.has_value() : settings.drop_function.has_value();
  if (!by_function) {
    options.statement_timeout =
        settings.lock_timeout + (creates ? longest_attach : longest_retirement);
  }
  return options;
}

std::string_view change_of(const Step& step) {
  if (step.action == action::create) return "created";
  return step.action == action::drop ? "dropped" : "detached";
}

telemetry::Samples held_samples(const std::string& table, const LockWatch& watch) {
  const auto held = watch.seconds();
  if (!held) return {};
  return {Sample{Metric::lock_held_seconds, {table}, *held}};
}

}  // namespace

Awaitable<void> apply_step(pg::Connection& connection, const config::Partition& settings,
                           const Step& step, Applied& applied) {
  LockWatch watch;
  const auto body = [&]() -> Awaitable<void> {
    for (const Statement& sent : step.statements) {
      watch.before(sent);
      pg::Params params = pack(sent);
      const pg::Result result = co_await connection.run(sent.name, sent.sql, std::move(params));
      watch.after(sent);
      if (sent.expect_rows && result.size() != *sent.expect_rows) {
        throw FailedCheck{sent.name};  // rolls back
      }
    }
  };
  const pg::TransactionOptions options = limits_of(settings, step);
  std::optional<Applied> refused;
  try {
    co_await pg::transact(connection, options, body);
  } catch (const FailedCheck& check) {
    refused = after_failed_check(settings, step, check);
  } catch (const pg::Error& error) {
    refused = after_refusal(settings, step, error);
    if (!refused) throw;
  }
  const std::string table = settings.table.text();
  if (refused) {
    applied = std::move(*refused);
  }
  for (Sample& sample : held_samples(table, watch)) {
    applied.samples.push_back(std::move(sample));
  }
  if (!refused) {
    applied.samples.push_back(Sample{Metric::lock_attempts_total, {table, "granted"}, 1});
    applied.samples.push_back(
        Sample{Metric::partition_changes_total, {table, std::string{change_of(step)}}, 1});
  }
}

}  // namespace pgcaretaker::partition
