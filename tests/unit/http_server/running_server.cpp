// SPDX-License-Identifier: Apache-2.0
// The real server on a loop of its own thread, so that tests can be blocking clients.
#include "running_server.hpp"

#include <boost/asio/post.hpp>
#include <future>
#include <stdexcept>

#include "async/run_to_end.hpp"

namespace pgcaretaker::test {

using namespace std::chrono_literals;

http::Response echo(const http::Request& request) {
  if (request.path == "/throw") {
    throw std::runtime_error{"thrown by the handler"};
  }
  http::Response response;
  response.body = request.path == "/large" ? std::string(large_bytes, 'x') : request.path;
  if (!request.authorization.empty()) {
    response.body += " " + request.authorization;
  }
  return response;
}

RunningServer::RunningServer(http::Limits limits, http::Handler handler, const std::string& listen)
    : server_{loop_.get_executor(), listen, limits, std::move(handler)},
      address_{server_.address()},
      asked_to_stop_{loop_.get_executor()},
      thread_{[this] { async::run_to_end(loop_, live()); }} {}

RunningServer::~RunningServer() {
  if (thread_.joinable()) {
    stop(0ms);
  }
}

Awaitable<bool> RunningServer::live() {
  server_.start();
  while (!stop_asked_) {
    co_await asked_to_stop_.wait();
  }
  co_await server_.stop(std::chrono::steady_clock::now() + budget_);
  co_return true;
}

int RunningServer::open_connections() {
  std::promise<int> answer;
  asio::post(loop_, [&] { answer.set_value(server_.open_connections()); });
  return answer.get_future().get();
}

bool RunningServer::comes_to(int connections) {
  const auto end = std::chrono::steady_clock::now() + 10s;
  while (open_connections() != connections) {
    if (std::chrono::steady_clock::now() > end) {
      return false;
    }
    std::this_thread::yield();
  }
  return true;
}

void RunningServer::begin_stop(Duration budget) {
  asio::post(loop_, [this, budget] {
    budget_ = budget;
    stop_asked_ = true;
    asked_to_stop_.notify_all();
  });
}

std::chrono::milliseconds RunningServer::stop(Duration budget) {
  const auto begin = std::chrono::steady_clock::now();
  if (thread_.joinable()) {
    begin_stop(budget);
    thread_.join();
  }
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() -
                                                               begin);
}

}  // namespace pgcaretaker::test
