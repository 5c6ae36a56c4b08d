// SPDX-License-Identifier: Apache-2.0
// Task names, made from settings.
#include "config/settings.hpp"

namespace pgcaretaker::config {

std::string task_name(const Partition& settings) {
  return "partition:" + settings.table.text();
}

std::string task_name(const Outbox& settings) {
  return "outbox:" + settings.table.text();
}

std::string task_name(const Saturation&) {
  return "saturation:server";
}

std::vector<std::string> task_names(const Settings& settings) {
  std::vector<std::string> names;
  for (const Partition& partition : settings.partitions) {
    names.push_back(task_name(partition));
  }
  for (const Outbox& outbox : settings.outboxes) {
    names.push_back(task_name(outbox));
  }
  names.push_back(task_name(settings.saturation));
  return names;
}

}  // namespace pgcaretaker::config
