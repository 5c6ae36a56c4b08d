// SPDX-License-Identifier: Apache-2.0
// The table of states: what is told from facts, what acts lead where, and that the manual shows it.
#include "partition/states.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "support/source_dir.hpp"

using namespace pgcaretaker;
using namespace pgcaretaker::partition;

namespace {

using Words = std::vector<std::string>;

Words words(const std::vector<Arrow>& acts) {
  Words result;
  for (const Arrow act : acts) {
    result.emplace_back(arrow_text(act));
  }
  return result;
}

std::string way(State from, bool concurrently, bool drops, std::size_t foreign_keys = 0,
                bool archives = false) {
  std::string text;
  for (const std::string& word :
       words(acts_from(from, {concurrently, drops, foreign_keys, archives}))) {
    text += (text.empty() ? "" : " ") + word;
  }
  return text;
}

}  // namespace

TEST_CASE("acts lead from each state to where time, an answer or a person must come first") {
  CHECK(way(State::expired, false, true) == "detach drop");
  CHECK(way(State::expired, false, true, 2) == "detach release release drop");
  CHECK(way(State::expired, false, false, 2) == "detach");
  CHECK(way(State::expired, true, true, 1) == "mark detach guard release drop");
  CHECK(way(State::expired, true, false) == "mark detach guard");
  CHECK(way(State::detaching, true, true) == "finish drop");
  CHECK(way(State::detaching, true, false) == "finish");
  CHECK(way(State::bare, true, true) == "guard drop");
  CHECK(way(State::detached, true, false, 3).empty());
  CHECK(way(State::detached, true, true) == "drop");
  CHECK(way(State::graced, true, true, 1) == "release drop");
  CHECK(way(State::graced, true, false, 1, true).empty());
  CHECK(way(State::archived, true, false, 1, true).empty());
  CHECK(way(State::expired, true, true, 1, true) == "mark detach guard release archive drop");
  CHECK(way(State::detached, true, true, 0, true) == "archive drop");
  CHECK(way(State::archived, true, true, 1, true) == "release drop");
  CHECK(way(State::expired, false, false, 0, true) == "detach");
  for (const State state : {State::attached, State::held, State::dropped}) {
    CHECK(way(state, true, true).empty());
  }
}

TEST_CASE("nothing is dropped that was not detached, guarded and out of its grace") {
  for (const Transition& arrow : transitions()) {
    if (arrow.to == State::dropped) {
      CHECK((arrow.from == State::graced || arrow.from == State::archived));
    }
    if (arrow.to == State::archived && arrow.from != State::archived) {
      CHECK(arrow.from == State::graced);
      CHECK(arrow.by == Arrow::archive);
    }
    if (arrow.to == State::graced && arrow.from != State::graced) {
      CHECK(arrow.from == State::detached);
      CHECK(arrow.by == Arrow::time);
    }
  }
}

TEST_CASE("each state can be reached, and none but the last is an end") {
  for (int i = 0; i <= static_cast<int>(State::dropped); ++i) {
    const State state{i};
    CAPTURE(std::string{state_text(state)});
    const auto all = transitions();
    CHECK((state == State::attached ||
           std::ranges::any_of(all, [&](const Transition& arrow) { return arrow.to == state; })));
    CHECK((state == State::dropped ||
           std::ranges::any_of(all, [&](const Transition& arrow) { return arrow.from == state; })));
  }
}

TEST_CASE("a state is told from what is known") {
  struct Case {
    const char* text;
    State state;
    Facts facts;
  };
  // attached, pending, marked, guarded, expired, held, due, archived
  const Case cases[] = {
      {"young", State::attached, {true, false, false, false, false, false, false}},
      {"old", State::expired, {true, false, false, false, true, false, false}},
      {"old, and marked by a pass that was killed",
       State::expired,
       {true, false, true, false, true, false, false}},
      {"old and held", State::held, {true, false, false, false, true, true, false}},
      {"attached again", State::marked, {true, false, true, true, false, false, true}},
      {"half detached", State::detaching, {true, true, true, false, true, false, false}},
      {"out, without guards", State::bare, {false, false, true, false, true, false, true}},
      {"out for good", State::detached, {false, false, true, true, true, false, false}},
      {"due", State::graced, {false, false, true, true, true, false, true}},
      {"archived", State::archived, {false, false, true, true, true, false, true, true}},
      {"archived and held", State::detached, {false, false, true, true, true, true, true, true}},
      {"due and held", State::detached, {false, false, true, true, true, true, true}},
      {"due, and retention is longer",
       State::detached,
       {false, false, true, true, false, false, true}},
  };
  for (const Case& c : cases) {
    CAPTURE(std::string{c.text});
    CHECK(state_text(state_of(c.facts)) == state_text(c.state));
  }
}

TEST_CASE("docs/operations.md shows the table as it is") {
  std::ifstream file{test::source_dir() + "/docs/operations.md"};
  const std::string manual{std::istreambuf_iterator<char>{file}, {}};
  CHECK_MESSAGE(manual.find("```mermaid\n" + diagram() + "```") != std::string::npos,
                "put this into docs/operations.md:\n", diagram());
}
