// SPDX-License-Identifier: Apache-2.0
// The life of a partition from its retention to its end: states, and what leads from one to the
// next. Pure.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pgcaretaker::partition {

/// Each can be told from the catalog, the server's clock and the answers of queries alone.
enum class State {
  attached,   // in the table, and not past its retention
  expired,    // in the table, past its retention, and nothing keeps it
  held,       // in the table, past its retention, and hold_query keeps it
  marked,     // in the table, our marker on it
  detaching,  // half out of the table, our marker on it
  bare,       // out of the table, our marker on it, its guards gone with its parent
  detached,   // out of the table, guarded: for good, for its grace, or because something keeps it
  graced,     // out of the table, guarded, its grace over, and nothing keeps it
  archived,   // the same, and its marker names the archive that it is in
  dropped,
};

/// What leads from one state to the next. The first three are no act of ours; each other is one
/// transaction, detach_concurrently apart, which is PostgreSQL's own two.
enum class Arrow {
  time,
  answer,  // of hold_query or retention_query, or a changed setting
  person,
  mark,
  unmark,
  detach,
  detach_concurrently,
  finish,
  guard,
  release,
  archive,
  drop,
};

struct Transition {
  State from;
  State to;
  Arrow by;
  std::string_view when;
};

[[nodiscard]] std::span<const Transition> transitions();

[[nodiscard]] std::string_view state_text(State state);
/// An act's word, as Step::action has it.
[[nodiscard]] std::string_view arrow_text(Arrow arrow);

/// What can be known of a partition, or of a table that was one.
struct Facts {
  bool attached = true;
  bool pending = false;  // a detach that was interrupted
  bool marked = false;   // our marker is on it
  bool guarded = false;  // as the marker says
  bool expired = false;
  bool held = false;
  bool due = false;       // to be dropped, by marker and settings, and its grace is over
  bool archived = false;  // as the marker says, and where the settings ask for it
};

/// A pending detach without our marker is somebody else's and has no state; do not ask.
[[nodiscard]] State state_of(const Facts& facts);

/// What the acts to come depend on.
struct Circumstances {
  bool concurrently = false;  // DETACH may go on beside readers
  bool drops = false;         // it is due as soon as it is out of the table, and has its turn
  std::size_t foreign_keys = 0;
  bool archives = false;  // before it is dropped
};

/// The acts from `from` on to where nothing but time, an answer or a person leads on. Found in
/// transitions(), so that no act is planned which is not there.
[[nodiscard]] std::vector<Arrow> acts_from(State from, const Circumstances& circumstances);

/// transitions() as a Mermaid diagram, which docs/operations.md shows.
[[nodiscard]] std::string diagram();

}  // namespace pgcaretaker::partition
