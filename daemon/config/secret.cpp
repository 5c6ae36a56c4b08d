// SPDX-License-Identifier: Apache-2.0
// Reading secrets from the files that hold them.
#include "config/secret.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "config/file.hpp"
#include "config/toml_text.hpp"

namespace pgcaretaker::config {

namespace {

constexpr std::size_t largest_secret = 64UL * 1024;  // bytes; a wrong path may name anything

/// Reads one secret; "" and `fault` set when it cannot.
std::string read_secret(const std::string& path, std::string& fault) {
  std::string text = read_file(path, largest_secret, fault);
  if (text.ends_with('\n')) {
    text.pop_back();
  }
  if (fault.empty() && text.empty()) {
    fault = fmt::format("{} is empty", shown(path));
  } else if (text.find('\0') != std::string::npos) {
    fault = fmt::format("{} has a NUL byte, it is no text file", shown(path));
  }
  return text;
}

/// That of the named file; with none named, of the systemd credential where there is one.
std::optional<Secret> find_secret(const std::string& key, const std::string& named_file,
                                  const char* credential, const Places& places,
                                  Problems& problems) {
  std::string path = named_file;
  if (path.empty()) {
    const char* folder = std::getenv("CREDENTIALS_DIRECTORY");
    path = folder == nullptr ? "" : std::string{folder} + '/' + credential;
    std::error_code ignored;
    if (folder == nullptr || !std::filesystem::exists(path, ignored)) {
      return std::nullopt;
    }
  }
  std::string fault;
  std::string text = read_secret(path, fault);
  if (!fault.empty()) {
    const Place place = places.nearest(key);
    problems.push_back({place.source, place.line, place.column, key, fault});
    return std::nullopt;
  }
  return Secret{std::move(text)};
}

}  // namespace

Secrets read_secrets(const Settings& settings, Problems& problems, const Places& places) {
  Secrets secrets;
  secrets.database_password = find_secret("database.password_file", settings.database.password_file,
                                          "postgres-password", places, problems);
  secrets.metrics_bearer = read_bearer(settings, problems, places);
  return secrets;
}

std::optional<Secret> read_bearer(const Settings& settings, Problems& problems,
                                  const Places& places) {
  return find_secret("http.metrics_bearer_file", settings.http.metrics_bearer_file,
                     "metrics-bearer", places, problems);
}

}  // namespace pgcaretaker::config
