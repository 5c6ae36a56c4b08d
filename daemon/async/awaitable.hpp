// SPDX-License-Identifier: Apache-2.0
// The coroutine vocabulary every room shares, from the smallest set of Asio headers.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace pgcaretaker {

namespace asio = boost::asio;

template <class T>
using Awaitable = asio::awaitable<T>;

}  // namespace pgcaretaker
