// SPDX-License-Identifier: Apache-2.0
// The table, and walks over it.
#include "partition/states.hpp"

#include <fmt/format.h>

#include <array>

namespace pgcaretaker::partition {

namespace {

constexpr std::array all_transitions{
    Transition{State::attached, State::expired, Arrow::time, "its upper bound is past retention"},
    Transition{State::expired, State::attached, Arrow::answer, "retention is longer by now"},
    Transition{State::expired, State::held, Arrow::answer, "hold_query keeps it"},
    Transition{State::held, State::expired, Arrow::answer, "hold_query lets it go"},
    Transition{State::expired, State::detached, Arrow::detach,
               "DETACH, marker, guards: where readers must wait"},
    Transition{State::expired, State::marked, Arrow::mark,
               "marker: where readers need not wait for DETACH"},
    Transition{State::marked, State::expired, Arrow::time,
               "DETACH came to nothing, and the marker goes"},
    Transition{State::marked, State::attached, Arrow::unmark, "retention or a hold keeps it"},
    Transition{State::marked, State::bare, Arrow::detach_concurrently, "DETACH CONCURRENTLY"},
    Transition{State::marked, State::detaching, Arrow::person, "DETACH was interrupted"},
    Transition{State::detaching, State::detached, Arrow::finish, "DETACH FINALIZE, guards"},
    Transition{State::bare, State::detached, Arrow::guard, "guards"},
    Transition{State::detached, State::graced, Arrow::time,
               "expire is drop or archive, grace is over, nothing keeps it"},
    Transition{State::graced, State::detached, Arrow::answer, "retention or a hold keeps it"},
    Transition{State::graced, State::graced, Arrow::release, "DROP CONSTRAINT, a foreign key"},
    Transition{State::graced, State::dropped, Arrow::drop, "DROP TABLE, where expire is drop"},
    Transition{State::graced, State::archived, Arrow::archive,
               "COPY to disk, read back, marker: where expire is archive"},
    Transition{State::archived, State::detached, Arrow::answer, "retention or a hold keeps it"},
    Transition{State::archived, State::archived, Arrow::release, "DROP CONSTRAINT, a foreign key"},
    Transition{State::archived, State::dropped, Arrow::drop,
               "DROP TABLE, if it is as it was archived"},
    Transition{State::detached, State::marked, Arrow::person, "somebody attaches it again"},
};

/// Of two ways out of a state the circumstances choose one.
bool is_next(const Transition& arrow, const Circumstances& circumstances) {
  switch (arrow.by) {
    case Arrow::detach:
      return !circumstances.concurrently;
    case Arrow::mark:
      return circumstances.concurrently;
    case Arrow::detach_concurrently:
    case Arrow::finish:
    case Arrow::guard:
      return true;
    case Arrow::time:
      return arrow.from == State::detached && circumstances.drops;
    case Arrow::release:
      return circumstances.drops && circumstances.foreign_keys > 0;
    case Arrow::archive:
      return circumstances.drops && circumstances.foreign_keys == 0 && circumstances.archives;
    case Arrow::drop:
      return circumstances.drops && circumstances.foreign_keys == 0 &&
             (arrow.from == State::archived || !circumstances.archives);
    case Arrow::answer:
    case Arrow::person:
    case Arrow::unmark:
      break;
  }
  return false;
}

bool is_act(Arrow arrow) {
  return arrow != Arrow::time && arrow != Arrow::answer && arrow != Arrow::person;
}

}  // namespace

std::span<const Transition> transitions() {
  return all_transitions;
}

std::string_view state_text(State state) {
  static constexpr std::array<std::string_view, 10> texts{
      "attached", "expired",  "held",   "marked",   "detaching",
      "bare",     "detached", "graced", "archived", "dropped"};
  return texts.at(static_cast<std::size_t>(state));
}

std::string_view arrow_text(Arrow arrow) {
  static constexpr std::array<std::string_view, 12> texts{"time",   "answer",  "person",  "mark",
                                                          "unmark", "detach",  "detach",  "finish",
                                                          "guard",  "release", "archive", "drop"};
  return texts.at(static_cast<std::size_t>(arrow));
}

State state_of(const Facts& facts) {
  if (facts.attached) {
    if (facts.pending) return State::detaching;
    if (facts.expired && !facts.held) return State::expired;
    if (facts.marked) return State::marked;
    return facts.expired ? State::held : State::attached;
  }
  if (!facts.guarded) return State::bare;
  if (!facts.due || !facts.expired || facts.held) return State::detached;
  return facts.archived ? State::archived : State::graced;
}

std::vector<Arrow> acts_from(State from, const Circumstances& circumstances) {
  std::vector<Arrow> acts;
  Circumstances left = circumstances;
  const Transition* next = nullptr;
  do {
    next = nullptr;
    for (const Transition& arrow : all_transitions) {
      if (arrow.from == from && is_next(arrow, left)) next = &arrow;
    }
    if (next == nullptr) break;
    if (is_act(next->by)) acts.push_back(next->by);
    if (next->by == Arrow::release) --left.foreign_keys;
    from = next->to;
  } while (from != State::dropped);
  return acts;
}

std::string diagram() {
  std::string text = "stateDiagram-v2\n  [*] --> attached\n";
  for (const Transition& arrow : all_transitions) {
    const std::string by = is_act(arrow.by) ? fmt::format("{} ", arrow_text(arrow.by)) : "";
    text += fmt::format("  {} --> {}: {}({})\n", state_text(arrow.from), state_text(arrow.to), by,
                        arrow.when);
  }
  return text + "  dropped --> [*]\n";
}

}  // namespace pgcaretaker::partition
