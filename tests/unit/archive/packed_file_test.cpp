// SPDX-License-Identifier: Apache-2.0
// Data files: what went in comes out, and no damage goes unseen.
#include "archive/packed_file.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "archive/error.hpp"
#include "archive/files.hpp"
#include "support/process.hpp"

using namespace pgcaretaker;
using namespace pgcaretaker::archive;

namespace {

std::string csv(int rows) {
  std::string text = "a,b\n";
  for (int i = 0; i < rows; ++i) {
    text += std::to_string(i * 7919 % 10007) + ",\"x\n\"\n";
  }
  return text;
}

FileFacts write(const std::string& folder, const std::string& text, int level = 3) {
  PackedWriter writer{folder, "f", FileFormat::csv, 2, level};
  for (std::size_t at = 0; at < text.size(); at += 1000) {
    writer.append(std::string_view{text}.substr(at, 1000));
  }
  return writer.finish();
}

std::string problem_of_reading(const std::string& folder, FileFacts* facts = nullptr,
                               std::string* text = nullptr) {
  try {
    PackedReader reader{folder, "f", FileFormat::csv, 2};
    while (true) {
      const std::string_view piece = reader.read(5000);
      if (piece.empty()) break;
      if (text != nullptr) *text += piece;
    }
    const FileFacts found = reader.finish();
    if (facts != nullptr) *facts = found;
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

std::string bytes_of(const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

void put(const std::string& path, const std::string& bytes) {
  std::ofstream{path, std::ios::binary} << bytes;
}

}  // namespace

TEST_CASE("what was written is read back, with the same facts on both sides") {
  for (const int level : {1, 3, 19}) {
    const test::TemporaryDirectory directory;
    const std::string text = csv(20000);
    const FileFacts written = write(directory.path(""), text, level);
    CHECK(written.rows == 20000);
    CHECK(written.bytes == static_cast<std::int64_t>(text.size()));
    CHECK(written.compressed_bytes ==
          static_cast<std::int64_t>(std::filesystem::file_size(directory.path("f"))));
    CHECK(written.sha256.size() == 64);
    FileFacts read;
    std::string back;
    CHECK(problem_of_reading(directory.path(""), &read, &back) == "");
    CHECK((back == text));
    CHECK(read == written);
  }
}

TEST_CASE("SHA-256 is that of everybody else") {
  const test::TemporaryDirectory directory;
  // printf 'a,b\n' | sha256sum
  CHECK(write(directory.path(""), "a,b\n").sha256 ==
        "5be08c9684a1d25efcee09318204824278b08bbfb4aef973ffefd0b9d7478313");
}

TEST_CASE("a file is readable by its owner alone and never written over") {
  const test::TemporaryDirectory directory;
  write(directory.path(""), csv(1));
  CHECK((std::filesystem::status(directory.path("f")).permissions() ==
         (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write)));
  CHECK_THROWS_AS(write(directory.path(""), csv(1)), Error);
}

TEST_CASE("no flipped bit, no cut and no addition goes unseen") {
  const test::TemporaryDirectory directory;
  const std::string text = csv(300);
  const FileFacts written = write(directory.path(""), text);
  const std::string whole = bytes_of(directory.path("f"));
  for (std::size_t at = 0; at < whole.size(); ++at) {
    CAPTURE(at);
    std::string flipped = whole;
    flipped[at] = static_cast<char>(flipped[at] ^ 0x10);
    put(directory.path("f"), flipped);
    FileFacts found;
    CHECK((problem_of_reading(directory.path(""), &found) != "" || found != written));
    put(directory.path("f"), whole.substr(0, at));
    CHECK(problem_of_reading(directory.path("")) != "");
  }
  put(directory.path("f"), whole + "x");
  CHECK(problem_of_reading(directory.path("")) != "");
}

TEST_CASE("what fails says where and what to do, in one line") {
  const auto problem = [](const auto& act) -> std::string {
    try {
      act();
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  const test::TemporaryDirectory directory;
  const std::string file = directory.write("file", "");
  CHECK(problem([&] { make_folder(directory.path("none"), "x"); }) ==
        "cannot make the folder " + directory.path("none/x") +
            ": No such file or directory: archive.directory must be there");
  CHECK(problem([&] { make_folder(file, "x"); }) ==
        "cannot make the folder " + file + "/x: Not a directory: archive.directory must be there");
  make_folder(directory.path(""), "x");
  make_folder(directory.path(""), "x");
  const auto lock = lock_folder(directory.path("x"));
  CHECK(problem([&] { static_cast<void>(lock_folder(directory.path("x"))); }) ==
        "another pgcaretaker is writing an archive into " + directory.path("x"));
  make_folder(directory.path(""), "y");
  CHECK(problem([&] { publish(directory.path("x"), directory.path("y")); }) != "");
}
