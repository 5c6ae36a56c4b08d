// SPDX-License-Identifier: Apache-2.0
// getaddrinfo on side threads. Asio's own resolver would join a call that hangs.
#include "postgres/resolver.hpp"

#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "postgres/error.hpp"

namespace pgcaretaker::pg {

namespace {

// An answer that comes after the last connect is of no use to anybody.
constexpr Duration no_farewell{0};

using AddressList = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

/// getaddrinfo's error, 0 = none.
int ask(const std::string& host, int flags, AddressList& list) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags;
  addrinfo* first = nullptr;
  const int error = getaddrinfo(host.c_str(), nullptr, &hints, &first);
  if (error == 0) list.reset(first);
  return error;
}

Error unresolved(const std::string& host, const std::string& why) {
  return Error{Error::Kind::connection, fmt::format("cannot resolve host \"{}\": {}", host, why)};
}

}  // namespace

Found look_up(const std::string& host) {
  Found found;
  AddressList list{nullptr, &freeaddrinfo};
  if (const int error = ask(host, 0, list); error != 0) {
    found.problem = error == EAI_SYSTEM ? std::strerror(errno) : gai_strerror(error);
    return found;
  }
  for (const addrinfo* entry = list.get(); entry != nullptr; entry = entry->ai_next) {
    std::array<char, NI_MAXHOST> text{};
    const int error = getnameinfo(entry->ai_addr, entry->ai_addrlen, text.data(), text.size(),
                                  nullptr, 0, NI_NUMERICHOST);
    const std::string address{text.data()};
    if (error == 0 && std::ranges::count(found.addresses, address) == 0) {
      found.addresses.push_back(address);
    }
  }
  if (found.addresses.empty()) found.problem = "it has no address";
  return found;
}

bool is_numeric_address(const std::string& host) {
  AddressList list{nullptr, &freeaddrinfo};
  return ask(host, AI_NUMERICHOST, list) == 0;
}

Awaitable<std::vector<std::string>> Resolver::resolve(std::string host, SteadyTime deadline) {
  const SteadyTime start = std::chrono::steady_clock::now();
  const auto thread = threads_.try_emplace(host, no_farewell).first;
  std::function<Found()> call = [look_up = look_up_, host] { return look_up(host); };
  std::optional<Found> found = co_await thread->second.run(std::move(call), deadline);
  if (!found) {
    const std::chrono::duration<double> patience = deadline - start;
    throw unresolved(host, fmt::format("no answer of the name service within {:.1f} s",
                                       std::max(patience.count(), 0.0)));
  }
  if (found->addresses.empty()) {
    throw unresolved(host, found->problem);
  }
  co_return std::move(found->addresses);
}

}  // namespace pgcaretaker::pg
