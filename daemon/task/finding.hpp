// SPDX-License-Identifier: Apache-2.0
// Something a person may want to know about, in one sentence.
#pragma once

#include <string>
#include <string_view>

namespace pgcaretaker::task {

enum class Severity {
  info,      // worth reading, nothing to do
  warning,   // will get worse by itself, or a setting cannot take effect
  critical,  // needs a person: the daemon cannot mend it (outcome needs_person, exit 3, not ready)
};

[[nodiscard]] std::string_view severity_text(Severity severity);

struct Finding {
  Severity severity = Severity::warning;
  std::string code;     // a fixed word for alerts and docs, e.g. "name_clash"
  std::string subject;  // table, partition or pool
  std::string text;     // what is so, and what to do about it; lower case, no full stop

  bool operator==(const Finding&) const = default;
};

}  // namespace pgcaretaker::task
