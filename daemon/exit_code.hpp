// SPDX-License-Identifier: Apache-2.0
// Each exit status and what a supervisor should do about it. The systemd unit agrees with this
// list.
#pragma once

namespace pgcaretaker {

enum class ExitCode : int {
  ok = 0,  // done; `plan`: nothing to do. Do not restart.
  task_failed =
      1,  // `once`: a task failed; `status`: not healthy; `plan`: could not tell. Try again.
  work_to_do = 2,    // `plan`: `once` would act. Not an error.
  needs_person = 3,  // `once`: a critical finding stands. Tell a person.
  usage = 64,        // wrong command line. Do not restart.
  unavailable = 69,  // one-shot: no database; `status`: no daemon; `run`: address taken. Try again.
  internal = 70,     // a bug. Restart and report.
  lease_held = 75,   // one-shot: another daemon acts. Try later, or leave it to that one.
  configuration = 78,  // bad configuration. Do not restart before it is mended.
  // `run`: second SIGTERM or SIGINT: left at once. Other commands end by their first signal itself,
  // which a shell shows as 130 or 143.
  interrupted = 130,
};

}  // namespace pgcaretaker
