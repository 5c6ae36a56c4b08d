// SPDX-License-Identifier: Apache-2.0
// `pgcaretaker status`: also the health check of containers.
#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <nlohmann/json.hpp>

#include "app/commands/commands.hpp"
#include "async/run_to_end.hpp"
#include "http/client.hpp"
#include "http/endpoint.hpp"

namespace pgcaretaker::app {

namespace {

using Json = nlohmann::ordered_json;

/// A daemon that cannot answer from memory within this is not healthy.
constexpr Duration answer_deadline = std::chrono::seconds{5};

/// Where a daemon that listens on `listen` is reached from here.
std::string url_of(const std::string& listen) {
  auto endpoint = http::parse_endpoint(listen);
  if (!endpoint || endpoint->is_unix()) {
    return listen;
  }
  if (endpoint->host == "0.0.0.0" || endpoint->host == "*") {
    endpoint->host = "127.0.0.1";
  } else if (endpoint->host == "::") {
    endpoint->host = "::1";
  }
  return "http://" + endpoint->text();
}

/// 2026-11-23T15:46:14.628357Z without its fraction: nobody waits for microseconds.
std::string whole_seconds(std::string time) {
  if (const auto dot = time.find('.'); dot != std::string::npos) {
    time.replace(dot, std::string::npos, "Z");
  }
  return time;
}

void print_task(const Json& task) {
  const Json& last = task.at("last_run");
  std::string next = "next run not planned";
  if (!task.at("next_run").is_null()) {
    const std::string when = whole_seconds(task.at("next_run").get<std::string>());
    next = (task.at("state") == "running" ? "running, since about " : "next run ") + when;
  }
  fmt::print("{}: {}, {}\n", task.at("task").get<std::string>(),
             last.is_null() ? "no pass yet" : last.at("outcome").get<std::string>(), next);
  if (const Json progress = task.value("progress", Json()); !progress.is_null()) {
    fmt::print("  {}\n", progress.at("text").get<std::string>());
  }
  if (last.is_null()) {
    return;
  }
  if (const auto error = last.at("error").get<std::string>(); !error.empty()) {
    fmt::print("  failed: {}\n", error);
  }
  for (const auto& finding : last.at("findings")) {
    fmt::print("  {} [{}] {}: {}\n", finding.at("severity").get<std::string>(),
               finding.at("code").get<std::string>(), finding.at("subject").get<std::string>(),
               finding.at("text").get<std::string>());
  }
}

void print_text(const Json& status) {
  fmt::print("pgcaretaker {}: {}\n", status.at("version").get<std::string>(),
             status.at("ready").get<bool>() ? "ready" : "not ready");
  for (const auto& reason : status.at("reasons")) {
    fmt::print("  {}\n", reason.get<std::string>());
  }
  const Json& database = status.at("database");
  if (database.at("up").get<bool>()) {
    fmt::print("database {}, lease {}\n", database.at("peer").get<std::string>(),
               status.at("lease").at("held").get<bool>() ? "held: this daemon acts"
                                                         : "held elsewhere: this daemon watches");
  }
  if (const Json& config = status.at("config"); !config.at("reload_ok").get<bool>()) {
    fmt::print("the last reload was refused, the old settings stay: {}\n",
               config.at("error").get<std::string>());
  }
  for (const auto& task : status.at("tasks")) {
    print_task(task);
  }
}

ExitCode show(const http::Answer& answer, bool as_json) {
  if (answer.status == 401) {
    fmt::print(stderr,
               "pgcaretaker: the daemon wants a bearer: name its file with --set "
               "http.metrics_bearer_file=PATH, or in the configuration file (--config)\n");
    return ExitCode::task_failed;
  }
  const Json status = Json::parse(answer.body, nullptr, false);
  if (answer.status != 200 || !status.is_object() || !status.contains("ready")) {
    fmt::print(stderr, "pgcaretaker: what answers there is no pgcaretaker (HTTP status {})\n",
               answer.status);
    return ExitCode::task_failed;
  }
  if (as_json) {
    fmt::print("{}\n", status.dump(2));
  } else {
    print_text(status);
  }
  return status.at("ready").get<bool>() ? ExitCode::ok : ExitCode::task_failed;
}

}  // namespace

ExitCode status(const CommandLine& line) {
  std::string url = line.url;
  if (!url.empty() && !http::parse_url(url)) {
    fmt::print(stderr, "pgcaretaker: --url wants http://HOST:PORT or unix:/PATH, not '{}'\n", url);
    return ExitCode::usage;
  }
  std::optional<config::Secret> bearer;
  // With --url the file is only asked for the bearer, and need not be there.
  if (url.empty() || line.config_file_given) {
    const auto there = address(line);
    if (!there) {
      return ExitCode::configuration;
    }
    url = url.empty() ? url_of(there->listen) : url;
    bearer = there->bearer;
  }
  asio::io_context loop{1};
  try {
    auto request =
        http::get(url, "/status", bearer, std::chrono::steady_clock::now() + answer_deadline);
    return show(async::run_to_end(loop, std::move(request)), line.json);
  } catch (const Json::exception& error) {
    fmt::print(stderr, "pgcaretaker: the answer of {} is not understood: {}\n", url, error.what());
    return ExitCode::task_failed;
  } catch (const std::runtime_error& error) {
    fmt::print(stderr, "pgcaretaker: {}\n", error.what());
    return ExitCode::unavailable;
  }
}

}  // namespace pgcaretaker::app
