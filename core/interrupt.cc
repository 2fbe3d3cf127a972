#include "core/interrupt.h"

#include <atomic>
#include <csignal>

namespace reeve {
namespace {

std::atomic<int> interrupt_signal{0};
static_assert(std::atomic<int>::is_always_lock_free);  // or a handler could not touch it

void OnSignal(int signal) {
  interrupt_signal.store(signal, std::memory_order_relaxed);
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
}

}  // namespace

void HandleInterrupts() {
  interrupt_signal.store(0, std::memory_order_relaxed);
  struct sigaction action {};
  action.sa_handler = OnSignal;
  action.sa_flags = SA_RESTART;  // system calls under way need not know
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

bool InterruptRequested() {
  return interrupt_signal.load(std::memory_order_relaxed) != 0;
}

int InterruptSignal() {
  return interrupt_signal.load(std::memory_order_relaxed);
}

}  // namespace reeve
