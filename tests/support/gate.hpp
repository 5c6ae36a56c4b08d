// SPDX-License-Identifier: Apache-2.0
// A TCP proxy between client and server that fails on demand, on a thread of its own.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

namespace pgcaretaker::test {

/// Listens on a free port of 127.0.0.1 and passes everything on to another one. All functions may
/// be called from the test's thread; they return when the gate has done it.
class Gate {
 public:
  enum class Action {
    pass,
    stall,  // connections stay open and are accepted, nothing gets through
    drop,   // present connections end (FIN), new ones are accepted and end at once
    reset,  // the same with RST
  };
  enum class Direction { to_server, to_client };

  explicit Gate(unsigned short upstream_port);
  ~Gate();
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;

  [[nodiscard]] unsigned short port() const;

  /// Acts now, and on every later connection. Forgets an act_after().
  void act(Action action);
  /// Lets exactly `bytes` more through in `direction`, counted over all connections, then acts.
  void act_after(Direction direction, std::size_t bytes, Action action);
  /// Calls `act` once, on the gate's thread, when the server has got `count` more writes of
  /// clients. libpq sends a statement in one.
  void after_writes(std::size_t count, std::function<void()> act);
  /// Bytes that went through so far.
  [[nodiscard]] std::size_t passed(Direction direction) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pgcaretaker::test
