// SPDX-License-Identifier: Apache-2.0
// Making and choosing tasks.
#include "app/tasks.hpp"

#include <algorithm>

#include "app/version.hpp"
#include "outbox/task.hpp"
#include "partition/task.hpp"
#include "saturation/task.hpp"

namespace pgcaretaker::app {

namespace {

using Tasks = std::vector<std::shared_ptr<task::Task>>;

/// The task of an equal section in `before`, or none.
template <class Section>
std::shared_ptr<task::Task> unchanged(const Section& section, const std::vector<Section>& before,
                                      const Tasks& tasks) {
  if (std::ranges::find(before, section) == before.end()) {
    return nullptr;
  }
  const auto found = std::ranges::find(tasks, config::task_name(section), &task::Task::name);
  if (found == tasks.end()) return nullptr;
  // It stays as it is, but somebody is there.
  (*found)->clock_watch().person_looked();
  return *found;
}

}  // namespace

Tasks make_tasks(const config::Settings& settings, std::shared_ptr<archive::Turn> archive_turn,
                 const config::Settings* settings_before, const Tasks& tasks_before) {
  const config::Settings none;
  const config::Settings& before = settings_before != nullptr ? *settings_before : none;
  Tasks tasks;
  const bool same_around = settings.journal == before.journal && settings.archive == before.archive;
  const auto workplace = std::make_shared<archive::Workplace>(
      archive::Workplace{settings.archive, std::string{version()}, std::move(archive_turn)});
  for (const auto& section : settings.partitions) {
    auto task = same_around ? unchanged(section, before.partitions, tasks_before) : nullptr;
    tasks.push_back(
        task ? task
             : std::make_shared<partition::PartitionTask>(section, settings.journal, workplace));
  }
  for (const auto& section : settings.outboxes) {
    auto task = unchanged(section, before.outboxes, tasks_before);
    tasks.push_back(task ? task : std::make_shared<outbox::OutboxTask>(section));
  }
  auto task = unchanged(settings.saturation, std::vector{before.saturation}, tasks_before);
  tasks.push_back(task ? task : std::make_shared<saturation::SaturationTask>(settings.saturation));
  return tasks;
}

Tasks select_tasks(const Tasks& tasks, const std::vector<std::string>& wanted,
                   std::string& unknown) {
  if (wanted.empty()) {
    return tasks;
  }
  const auto fits = [](const task::Task& task, const std::string& name) {
    return task.name() == name || task.name().starts_with(name + ':');
  };
  for (const auto& name : wanted) {
    const bool known =
        std::ranges::any_of(tasks, [&](const auto& task) { return fits(*task, name); });
    if (!known && unknown.empty()) {
      unknown = name;
    }
  }
  Tasks chosen;
  for (const auto& task : tasks) {
    if (std::ranges::any_of(wanted, [&](const auto& name) { return fits(*task, name); })) {
      chosen.push_back(task);
    }
  }
  return chosen;
}

Pools::Pools(const config::Database& database, const config::Secrets& secrets,
             pg::Canceller& canceller, const asio::any_io_executor& executor)
    : shared{std::make_shared<pg::Pool>(connect_options(database, secrets, "task"),
                                        database.connections, canceller, executor)},
      saturation{std::make_shared<pg::Pool>(connect_options(database, secrets, "saturation"), 1,
                                            canceller, executor)} {}

pg::ConnectOptions connect_options(const config::Database& database, const config::Secrets& secrets,
                                   std::string purpose) {
  pg::ConnectOptions options;
  options.database = database;
  options.password = secrets.database_password;
  options.purpose = std::move(purpose);
  return options;
}

}  // namespace pgcaretaker::app
