// SPDX-License-Identifier: Apache-2.0
// Secrets come from files, and their content from nowhere else.
#include <doctest/doctest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "config/secret.hpp"

using namespace pgcaretaker::config;

namespace {

/// A folder of its own, also $CREDENTIALS_DIRECTORY while it lives.
class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "pgcaretaker.XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
    ::setenv("CREDENTIALS_DIRECTORY", name.c_str(), 1);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    ::unsetenv("CREDENTIALS_DIRECTORY");
    std::filesystem::remove_all(path_);
  }
  std::string write(const char* name, std::string_view content) const {
    const auto file = path_ / name;
    std::ofstream{file, std::ios::binary} << content;
    return file.string();
  }
  [[nodiscard]] std::string path(const char* name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

std::string password_of(std::string_view content) {
  const Folder folder;
  Settings settings;
  settings.database.password_file = folder.write("any", content);
  Problems problems;
  const Secrets secrets = read_secrets(settings, problems);
  CHECK(problems.empty());
  REQUIRE(secrets.database_password);
  return secrets.database_password->reveal();
}

}  // namespace

TEST_CASE("a secret is the file's content less one newline at its end") {
  CHECK(password_of("hunter2") == "hunter2");
  CHECK(password_of("hunter2\n") == "hunter2");
  CHECK(password_of("hunter2\n\n") == "hunter2\n");
  CHECK(password_of(" hunter 2 \n") == " hunter 2 ");
}

TEST_CASE("the files that the settings name count before the credentials") {
  const Folder folder;
  folder.write("postgres-password", "credential");
  folder.write("metrics-bearer", "token\n");
  Settings settings;
  Problems problems;
  Secrets secrets = read_secrets(settings, problems);
  CHECK(secrets.database_password == Secret{"credential"});
  CHECK(secrets.metrics_bearer == Secret{"token"});
  settings.database.password_file = folder.write("named", "named");
  settings.http.metrics_bearer_file = folder.write("bearer", "other");
  secrets = read_secrets(settings, problems);
  CHECK(secrets.database_password == Secret{"named"});
  CHECK(secrets.metrics_bearer == Secret{"other"});
  CHECK(problems.empty());
}

TEST_CASE("without files the secrets are left to libpq") {
  Problems problems;
  CHECK(read_secrets({}, problems) == Secrets{});
  const Folder empty;
  CHECK(read_secrets({}, problems) == Secrets{});
  CHECK(problems.empty());
}

TEST_CASE("a secret that cannot be had is a problem with key and path, never the content") {
  const Folder folder;
  struct Row {
    std::string path;
    std::string reason;
  };
  for (const Row& row : {
           Row{folder.path("absent"), "No such file or directory"},
           Row{folder.path("."), "not a file"},
           Row{folder.write("empty", ""), "is empty"},
           Row{folder.write("newline", "\n"), "is empty"},
           Row{folder.write("binary", std::string_view{"hunter2\0x", 9}), "NUL byte"},
           Row{folder.write("huge", std::string(65537, 'h')), "more than 64 KiB"},
       }) {
    CAPTURE(row.path);
    Settings settings;
    settings.database.password_file = row.path;
    Problems problems;
    Places places{"t.toml"};
    places.add("database.password_file", {"t.toml", 7, 17});
    CHECK_FALSE(read_secrets(settings, problems, places).database_password);
    REQUIRE(problems.size() == 1);
    const std::string line = problems[0].line_text();
    CHECK(line.starts_with("t.toml:7:17: database.password_file: "));
    CHECK(line.find(row.path) != std::string::npos);
    CHECK(line.find(row.reason) != std::string::npos);
    CHECK(line.find("unter2") == std::string::npos);
  }
}

TEST_CASE("an unusable credential is a problem too, not a reason to look elsewhere") {
  const Folder folder;
  folder.write("postgres-password", "");
  Problems problems;
  CHECK_FALSE(read_secrets({}, problems).database_password);
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].key == "database.password_file");
}

TEST_CASE("opening a pipe as a secret does not wait for a writer") {
  const Folder folder;
  REQUIRE(::mkfifo(folder.path("pipe").c_str(), 0600) == 0);
  Settings settings;
  settings.http.metrics_bearer_file = folder.path("pipe");
  Problems problems;
  CHECK_FALSE(read_secrets(settings, problems).metrics_bearer);
  CHECK(problems.size() == 1);
}
