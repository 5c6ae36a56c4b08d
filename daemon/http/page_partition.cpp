// SPDX-License-Identifier: Apache-2.0
// The partitions of one table as a row of cells, with its cover, default and retention.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "http/page_parts.hpp"
#include "postgres/timestamp.hpp"

namespace pgcaretaker::http {
namespace {

// More than this no screen can tell apart: neighbours then share a cell.
constexpr std::size_t cells_at_most = 120;

// By weight: of the partitions that share a cell the heaviest gives the colour.
enum class Kind { past, ahead, current, expired, unrecognised, missing };
constexpr std::array<const char*, 6> kind_class{"past",    "ahead",        "current",
                                                "expired", "unrecognised", "missing"};
constexpr std::array<const char*, 6> kind_text{"past",    "ready ahead",  "current",
                                               "expired", "unrecognised", "missing"};

struct Cell {
  Kind kind = Kind::past;
  std::optional<UtcTime> lower;  // nullopt = unbounded
  std::optional<UtcTime> upper;
  std::string name;
  double rows = 0;
  double bytes = 0;
  std::size_t count = 1;
  bool is_now = false;  // the present lies in it
};

/// A bound as short as it can be said: the date alone when it is a midnight.
std::string bound_text(const std::optional<UtcTime>& bound) {
  if (!bound) {
    return "unbounded";
  }
  const auto text = pg::format_iso8601(*bound);
  const auto is_midnight = *bound == std::chrono::floor<std::chrono::days>(*bound);
  const auto time_at = text.find('T');
  return is_midnight ? text.substr(0, time_at)
                     : text.substr(0, time_at) + " " + text.substr(time_at + 1, 5);
}

bool covers(const Cell& cell, UtcTime now) {
  return (!cell.lower || *cell.lower <= now) && (!cell.upper || now < *cell.upper);
}

Kind kind_of(const Json& partition, const Cell& cell, UtcTime now) {
  const auto state = text_of(partition, "state");
  if (state == "expired") {
    return Kind::expired;
  }
  if (state == "unrecognised") {
    return Kind::unrecognised;
  }
  if (covers(cell, now)) {
    return Kind::current;
  }
  return cell.upper && *cell.upper <= now ? Kind::past : Kind::ahead;
}

Cell cell_of(const Json& range, UtcTime now) {
  Cell cell;
  cell.lower = time_of(range, "lower");
  cell.upper = time_of(range, "upper");
  cell.name = text_of(range, "name");
  cell.is_now = covers(cell, now);
  // -1 is PostgreSQL's word for "never analyzed".
  cell.rows = std::max(number_of(range, "rows_estimate").value_or(0), 0.0);
  cell.bytes = std::max(number_of(range, "bytes_estimate").value_or(0), 0.0);
  return cell;
}

std::vector<Cell> cells_of(const Json& details, UtcTime now) {
  std::vector<Cell> cells;
  for (const auto& partition : member(details, "partitions")) {
    auto cell = cell_of(partition, now);
    cell.kind = kind_of(partition, cell, now);
    cells.push_back(std::move(cell));
  }
  for (const auto& gap : member(details, "missing")) {
    auto cell = cell_of(gap, now);
    cell.kind = Kind::missing;
    cells.push_back(std::move(cell));
  }
  std::stable_sort(cells.begin(), cells.end(),
                   [](const Cell& a, const Cell& b) { return a.lower < b.lower; });
  return cells;
}

std::vector<Cell> fold(const std::vector<Cell>& cells) {
  const auto share = (cells.size() + cells_at_most - 1) / cells_at_most;
  std::vector<Cell> folded;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (i % share == 0) {
      folded.push_back(cells[i]);
      continue;
    }
    auto& last = folded.back();
    last.kind = std::max(last.kind, cells[i].kind);
    last.upper = cells[i].upper;
    last.rows += cells[i].rows;
    last.bytes += cells[i].bytes;
    ++last.count;
    last.is_now = last.is_now || cells[i].is_now;
  }
  return folded;
}

std::string cell_html(const Cell& cell, double most_rows) {
  const auto kind = static_cast<std::size_t>(cell.kind);
  const auto title = fmt::format(
      "{}{} to {}: {}, {} rows, {}", cell.name.empty() || cell.count > 1 ? "" : cell.name + "\n",
      bound_text(cell.lower), bound_text(cell.upper),
      cell.count > 1 ? fmt::format("{} partitions, {}", cell.count, kind_text[kind])
                     : kind_text[kind],
      human_count(cell.rows, true), human_bytes(cell.bytes));
  // A partition with any row shows a sliver.
  const double share = cell.rows > 0 ? std::max(100 * cell.rows / most_rows, 5.0) : 0;
  return fmt::format(R"(<i class="cell {}{}" style="--fill:{:.0f}%" title="{}"></i>)",
                     kind_class[kind], cell.is_now ? " now" : "", share, escape_html(title));
}

std::string legend(const std::vector<Cell>& cells) {
  std::array<std::size_t, kind_text.size()> counts{};
  for (const auto& cell : cells) {
    ++counts[static_cast<std::size_t>(cell.kind)];
  }
  std::string html = R"(<ul class="legend">)";
  for (const auto shown :
       {Kind::expired, Kind::past, Kind::current, Kind::ahead, Kind::unrecognised, Kind::missing}) {
    const auto kind = static_cast<std::size_t>(shown);
    if (counts[kind] > 0) {
      html += fmt::format(R"(<li><i class="key {}"></i>{} {}</li>)", kind_class[kind], counts[kind],
                          kind_text[kind]);
    }
  }
  return html + "</ul>";
}

std::string timeline(const std::vector<Cell>& all) {
  if (all.empty()) {
    return R"(<p class="quiet">no partition yet</p>)";
  }
  const auto cells = fold(all);
  double most_rows = 1;
  for (const auto& cell : cells) {
    most_rows = std::max(most_rows, cell.rows);
  }
  auto html = fmt::format(R"(<div class="timeline" role="img" aria-label="{} to {}">)",
                          bound_text(all.front().lower), bound_text(all.back().upper));
  for (const auto& cell : cells) {
    html += cell_html(cell, most_rows);
  }
  return html +
         fmt::format(R"(</div><div class="axis"><span>{}</span><span>{}</span></div>)",
                     bound_text(all.front().lower), bound_text(all.back().upper)) +
         legend(all);
}

std::string cover(const Json& details) {
  const double seconds = number_of(details, "window_seconds").value_or(0);
  if (seconds <= 0) {
    return R"(<b class="bad">none: rows land in the default or are refused</b>)";
  }
  const auto until = time_of(details, "window_until");
  return escape_html(human_seconds(seconds)) +
         (until ? R"( <span class="quiet">until )" + bound_text(until) + "</span>" : "");
}

std::string default_rows(const Json& details) {
  const auto& fallback = member(details, "default");
  if (!fallback.is_object()) {
    return "none";
  }
  const auto rows = number_of(fallback, "rows");
  if (!rows || *rows < 0) {
    return "rows not known";
  }
  const auto text =
      human_count(*rows, flag_of(fallback, "rows_are_estimate")) + (*rows == 1 ? " row" : " rows");
  return *rows > 0 ? R"(<b class="bad">)" + text + "</b>" : text;
}

std::string retention(const Json& details) {
  const auto& policy = member(details, "retention");
  const auto cutoff = time_of(policy, "cutoff");
  if (!cutoff) {
    return "kept for ever";
  }
  const double expired = number_of(policy, "expired").value_or(0);
  const auto text = "back to " + bound_text(std::chrono::floor<std::chrono::days>(*cutoff));
  return expired > 0
             ? text + fmt::format(R"( <b class="warn">{} expired</b>)", human_count(expired, false))
             : text;
}

/// Tables that are out of this one: "2 to be dropped, the first from 2026-12-01 on, 1 kept".
std::string detached(const Json& details) {
  std::size_t kept = 0;
  std::size_t to_drop = 0;
  std::optional<UtcTime> first;
  for (const auto& table : member(details, "detached")) {
    const auto due = time_of(table, "drop_due");
    ++(due ? to_drop : kept);
    if (due && (!first || *due < *first)) first = due;
  }
  std::string text;
  if (to_drop > 0) {
    text = fmt::format("{} to be dropped, the first from {} on", to_drop,
                       bound_text(std::chrono::floor<std::chrono::days>(*first)));
  }
  if (kept > 0) text += fmt::format("{}{} kept", text.empty() ? "" : ", ", kept);
  return text;
}

}  // namespace

std::string partition_part(const Json& details, UtcTime now) {
  std::string html = R"(<dl class="facts">)";
  html += fact("Cover ahead", cover(details));
  html += fact("Default partition", default_rows(details));
  html += fact("Retention", retention(details));
  if (const auto text = detached(details); !text.empty()) html += fact("Detached", text);
  if (const auto interval = text_of(details, "interval"); !interval.empty()) {
    html += fact("Interval", escape_html(interval));
  }
  return html + "</dl>" + timeline(cells_of(details, now));
}

}  // namespace pgcaretaker::http
