// SPDX-License-Identifier: Apache-2.0
// Limits and contradictions of [[partition]].
#include <fmt/format.h>

#include "config/check_parts.hpp"
#include "config/document.hpp"
#include "config/duration.hpp"
#include "config/name_template.hpp"
#include "config/words.hpp"

namespace pgcaretaker::config {

namespace {

using namespace std::chrono_literals;

constexpr UtcTime latest_epoch = std::chrono::sys_days{std::chrono::year{2100} / 1 / 1};

class PartitionCheck {
 public:
  PartitionCheck(const Settings& settings, std::size_t index, Complaints& complaints)
      : settings_{settings},
        partition_{settings.partitions[index]},
        index_{index},
        complaints_{complaints} {}

  void run() {
    check_said(key("table"), partition_.table, complaints_);
    key_form();
    limits();
    urgency();
    window();
    name();
    retention();
    functions();
    others();
  }

 private:
  [[nodiscard]] std::string key(const char* name) const {
    return child_key(element_key("partition", index_), name);
  }

  void complain(const std::vector<const char*>& names, std::string text) {
    std::vector<std::string> keys;
    keys.reserve(names.size());
    for (const char* name : names) {
      keys.push_back(key(name));
    }
    complaints_.push_back({std::move(keys), std::move(text)});
  }

  void limits() {
    check_range(key("ahead"), partition_.ahead, 0, 1000, complaints_);
    check_range(key("every"), partition_.every, 1s, days(31), complaints_);
    check_range(key("max_drops"), partition_.max_drops, 0, 1000, complaints_);
    check_range(key("lock_timeout"), partition_.lock_timeout, 1ms, 10s, complaints_);
    check_range(key("patience"), partition_.patience, 0s, 24h, complaints_);
    check_range(key("grace"), partition_.grace, 0s, longest_duration, complaints_);
    if (partition_.retention) {
      check_range(key("retention"), *partition_.retention, 1h, longest_duration, complaints_);
    }
    check_query(key("retention_query"), partition_.retention_query, complaints_);
    check_query(key("hold_query"), partition_.hold_query, complaints_);
    if (partition_.lock_timeout >= settings_.database.statement_timeout) {
      complaints_.push_back(
          {{key("lock_timeout"), "database.statement_timeout"},
           fmt::format("lock_timeout {} must be below database.statement_timeout {}",
                       duration_text(partition_.lock_timeout),
                       duration_text(settings_.database.statement_timeout))});
    }
  }

  void key_form() {
    check_range(key("key_shift"), partition_.key_shift, 1, 24, complaints_);
    const KeyForm form = partition_.key;
    const Partition defaults;
    if (form != KeyForm::snowflake && partition_.key_shift != defaults.key_shift) {
      complain({"key_shift", "key"}, "key_shift needs key = \"snowflake\"");
    }
    if (partition_.key_epoch == defaults.key_epoch) return;
    if (form == KeyForm::automatic || form == KeyForm::uuidv7) {
      complain({"key_epoch", "key"},
               "key_epoch needs a key of numbers: \"seconds\", \"milliseconds\", "
               "\"microseconds\" or \"snowflake\"");
    } else if (partition_.key_epoch < defaults.key_epoch || partition_.key_epoch > latest_epoch) {
      complain({"key_epoch"}, "must lie between 1970 and 2100");
    } else if (partition_.key_epoch.time_since_epoch() % tick(form) != 0us) {
      complain({"key_epoch", "key"},
               fmt::format("has a fraction of what key = \"{}\" counts in", word_for(form)));
    }
  }

  void urgency() {
    check_range(key("press_below"), partition_.press_below, 0.0, 1000.0, complaints_);
    check_range(key("force_below"), partition_.force_below, 0.0, 1000.0, complaints_);
    check_range(key("force_timeout"), partition_.force_timeout, 0s, 1h, complaints_);
    if (partition_.force_below > partition_.press_below) {
      complain({"force_below", "press_below"},
               fmt::format("force_below {} must not be above press_below {}",
                           partition_.force_below, partition_.press_below));
    }
  }

  void window() {
    const Duration cover = shortest_length(partition_.interval) * partition_.ahead;
    if (partition_.ahead > 0 && partition_.every > cover) {
      complain({"every", "ahead", "interval"},
               fmt::format(
                   "every {} is longer than the {} x {} kept ahead, so writes would run out "
                   "of partitions: shorten every or raise ahead",
                   duration_text(partition_.every), partition_.ahead, partition_.interval.text()));
    }
  }

  void name() {
    const NameTemplate name = read_name_template(partition_.name);
    if (!name.fault.empty()) {
      complain({"name"}, name.fault);
      return;
    }
    if (const auto missing = missing_conversions(name, partition_.interval); !missing.empty()) {
      complain({"name", "interval"},
               fmt::format("partitions of {} would share a name, add {} to name",
                           partition_.interval.text(), missing));
    }
    const std::size_t length = name.fixed_bytes + name.table_marks * partition_.table.name.size();
    if (length > longest_name) {
      complain({"name", "table"},
               fmt::format("names of {} would have {} bytes, PostgreSQL takes {}: shorten name",
                           partition_.table.text(), length, longest_name));
    }
  }

  void retention() {
    const bool keeps_for_ever = !partition_.retention;
    if (keeps_for_ever && partition_.expire != Expire::unset) {
      complain({"expire", "retention"},
               "expire without retention: say how long to keep, or leave expire out");
    }
    if (!keeps_for_ever && partition_.expire == Expire::unset) {
      complain({"expire", "retention"},
               "retention without expire: say \"drop\", \"detach\" or \"archive\"");
    }
    if (keeps_for_ever && !partition_.retention_query.empty()) {
      complain({"retention_query", "retention"},
               "retention_query without retention, which it may shorten but not replace");
    }
    if (keeps_for_ever && !partition_.hold_query.empty()) {
      complain({"hold_query", "retention"},
               "hold_query without retention: nothing is taken that it could hold back");
    }
    if (partition_.expire == Expire::archive && settings_.archive.directory.empty()) {
      complaints_.push_back({{key("expire"), "archive.directory"},
                             "expire = \"archive\" needs a directory: set archive.directory"});
    }
    const bool drops = partition_.expire == Expire::drop || partition_.expire == Expire::archive;
    if (partition_.grace > 0s && !drops) {
      complain({"grace", "expire"},
               "grace is the time between detach and drop, it needs expire = \"drop\" or "
               "\"archive\"");
    }
    if (partition_.expire == Expire::archive && settings_.database.connections < 2) {
      complaints_.push_back({{key("expire"), "database.connections"},
                             "expire = \"archive\" keeps a session for as long as it writes: set "
                             "database.connections to 2 or more"});
    }
  }

  void functions() {
    if (!partition_.drop_function) return;
    if (partition_.expire != Expire::drop) {
      complain({"drop_function", "expire"}, "drop_function needs expire = \"drop\"");
    } else if (partition_.grace > 0s) {
      complain({"drop_function", "grace"},
               "drop_function detaches and drops at once, so there can be no grace");
    }
  }

  void others() {
    for (std::size_t i = 0; i < index_; ++i) {
      const Partition& other = settings_.partitions[i];
      const std::string other_key = element_key("partition", i);
      if (other.table.name.empty()) continue;
      if (other.table == partition_.table) {
        complaints_.push_back(
            {{key("table"), child_key(other_key, "table")},
             fmt::format("{} is kept twice, see {}", other.table.text(), other_key)});
      } else if (other.table.schema == partition_.table.schema && other.name == partition_.name &&
                 read_name_template(other.name).table_marks == 0) {
        complaints_.push_back(
            {{key("name"), child_key(other_key, "name"), key("table")},
             fmt::format("gives the same names as {}, put {{table}} into it", other_key)});
      }
    }
    if (settings_.journal.table == partition_.table) {
      complaints_.push_back({{key("table"), "journal.table"}, "is the journal itself"});
    }
  }

  static Duration days(int count) { return std::chrono::days{count}; }

  static std::chrono::microseconds tick(KeyForm form) {
    if (form == KeyForm::microseconds) return 1us;
    return form == KeyForm::seconds ? std::chrono::microseconds{1s} : 1ms;
  }

  const Settings& settings_;
  const Partition& partition_;
  std::size_t index_;
  Complaints& complaints_;
};

}  // namespace

void check_partitions(const Settings& settings, Complaints& complaints) {
  for (std::size_t i = 0; i < settings.partitions.size(); ++i) {
    PartitionCheck{settings, i, complaints}.run();
  }
}

}  // namespace pgcaretaker::config
