#include "base/interrupt.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <thread>

#include "base/error.h"

namespace jarvis2 {
namespace {

std::stop_source& source() {
  static std::stop_source instance;
  return instance;
}

}  // namespace

void install_interrupt_handlers() {
  source();
  ::signal(SIGPIPE, SIG_IGN);
  // Signals are blocked in every thread and taken by one that waits for them: handlers need not be async-signal-safe.
  static sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::thread([] {
    for (int count = 0;;) {
      int number = 0;
      if (sigwait(&signals, &number) != 0) continue;
      if (++count > 1) ::_exit(kInterrupted);
      source().request_stop();
    }
  }).detach();
}

std::stop_token interrupt_token() {
  return source().get_token();
}
bool interrupted() {
  return source().stop_requested();
}
void check_interrupt() {
  if (interrupted()) throw Interrupted();
}

}  // namespace jarvis2
