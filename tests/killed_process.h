// A process that is killed while it works.
#pragma once

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace reeve {

// Runs work(step_done) in a process of its own, and kills that (SIGKILL) `then_us` after it has
// called step_done() `steps` times; so a slow machine kills it no earlier in its work than a fast
// one. False if it ended by itself.
template <class Work>
bool KilledAfter(int steps, unsigned then_us, Work work) {
  int ends[2];
  if (::pipe(ends) != 0) return false;
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(ends[0]);
    work([fd = ends[1]] { [[maybe_unused]] const ssize_t written = ::write(fd, "+", 1); });
    ::_exit(1);
  }
  ::close(ends[1]);
  for (char step = 0; steps > 0 && ::read(ends[0], &step, 1) == 1; --steps) {
  }
  ::usleep(then_us);
  ::kill(child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
  ::close(ends[0]);
  return steps == 0 && WIFSIGNALED(status);
}

}  // namespace reeve
