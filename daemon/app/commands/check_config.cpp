// SPDX-License-Identifier: Apache-2.0
// `pgcaretaker check-config`.
#include <cstdio>

#include "app/commands/commands.hpp"
#include "config/effective.hpp"

namespace pgcaretaker::app {

ExitCode check_config(const Configuration& configuration) {
  std::fputs(config::effective_toml(configuration.settings).c_str(), stdout);
  return ExitCode::ok;
}

}  // namespace pgcaretaker::app
