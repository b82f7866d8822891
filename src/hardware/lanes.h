// One executor for everything that runs beside something else: lanes for performance cores, efficiency cores, the GPU
// and I/O, under one budget of cores and of memory.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string_view>
#include <utility>
#include <vector>

#include "hardware/machine.h"

namespace jarvis2::hardware {

enum class Lane { kPerformance, kEfficiency, kGpu, kIo };
inline constexpr std::size_t kLaneCount = 4;
std::string_view lane_name(Lane lane);

// What a task is like.
struct TaskTraits {
  bool requires_gpu = false;
  bool io_operations = false;     // mostly waits for files or processes
  bool memory_intensive = false;  // without memory_bytes: counts as its core's share of the memory budget
  bool background = false;        // leaves the performance cores alone
  int priority = 0;               // higher goes first
  std::uint64_t memory_bytes = 0;
};
// GPU before I/O before background; the rest runs on performance cores.
Lane classify(const TaskTraits& traits);

enum class TaskState { kPending, kDone, kFailed, kCancelled, kLate };

using Deadline = std::optional<std::chrono::steady_clock::time_point>;

// What holds for a whole batch. Tasks that have not begun when `stop` is requested or the deadline has passed don't
// begin.
struct BatchOptions {
  std::stop_token stop;
  Deadline deadline;
};

// What a running task may ask.
struct TaskContext {
  std::stop_token stop;
  Deadline deadline;
  bool should_stop() const;
};

template <typename T>
struct Outcome {
  TaskState state = TaskState::kPending;
  std::optional<T> value;    // when done
  std::exception_ptr error;  // when failed
};

template <typename T>
struct Task {
  std::function<T(const TaskContext&)> work;
  TaskTraits traits;
};

struct LaneSizes {
  int performance = 1;
  int efficiency = 1;
  int gpu = 1;
  int io = 2;
  int cores = 1;                          // CPU tasks that run at any moment, both CPU lanes together
  std::uint64_t memory_budget_bytes = 0;  // 0: no bound
};
// Threads by lane; every machine has every lane. Quotas and affinity are respected.
LaneSizes lane_sizes(const Machine& machine);

// Thread-safe. Threads start with the first task of their lane and are bound to its cores (Linux) or given its quality
// of service (macOS). A task may submit tasks and wait for them, to any depth: who waits works on what it waits for. At
// most `cores` tasks of the CPU lanes run at any moment; waiting ones don't count. Tasks whose memory doesn't fit
// beside that of the running ones wait, unless nothing else runs; tasks submitted by tasks are not held back.
class Lanes {
 public:
  explicit Lanes(const Machine& machine);
  Lanes(const Machine& machine, const LaneSizes& sizes);
  // Waits for what is running; must not be called from a task.
  ~Lanes();
  Lanes(const Lanes&) = delete;
  Lanes& operator=(const Lanes&) = delete;

  const LaneSizes& sizes() const;
  // Runs body(i) for each task and waits. Exceptions are kept in `errors`; all vectors go by the tasks' order.
  void run(std::span<const TaskTraits> traits, const std::function<void(std::size_t, const TaskContext&)>& body,
           const BatchOptions& options, std::vector<TaskState>& states, std::vector<std::exception_ptr>& errors);
  // body(i) for i below `count`, all with the same traits; rethrows the exception of the first index that failed, after
  // the rest has been cancelled. Returns false when stopped or late.
  bool for_each(std::size_t count, const TaskTraits& traits, const std::function<void(std::size_t)>& body,
                const BatchOptions& options = {});

  struct Counters {
    std::uint64_t tasks = 0;              // begun
    int most_running = 0;                 // CPU tasks at once
    std::uint64_t most_memory_bytes = 0;  // reserved at once
  };
  Counters counters() const;

 private:
  // One element of `traits` stands for all tasks.
  void run_batch(std::size_t count, std::span<const TaskTraits> traits,
                 const std::function<void(std::size_t, const TaskContext&)>& body, const BatchOptions& options,
                 std::vector<TaskState>& states, std::vector<std::exception_ptr>& errors);

  struct State;
  std::unique_ptr<State> state_;
};

// The process's lanes, made on first use from this machine and never destroyed.
Lanes& lanes();

// Results in the tasks' order; a task's exception is its outcome's, and stops no other.
template <typename T>
std::vector<Outcome<T>> batch_execute(Lanes& on, const std::vector<Task<T>>& tasks, const BatchOptions& options = {}) {
  std::vector<Outcome<T>> outcomes(tasks.size());
  std::vector<TaskTraits> traits;
  traits.reserve(tasks.size());
  for (const Task<T>& task : tasks) traits.push_back(task.traits);
  std::vector<TaskState> states;
  std::vector<std::exception_ptr> errors;
  on.run(
      traits, [&](std::size_t i, const TaskContext& context) { outcomes[i].value.emplace(tasks[i].work(context)); },
      options, states, errors);
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    outcomes[i].state = states[i];
    outcomes[i].error = errors[i];
  }
  return outcomes;
}

// A pipeline of two stages: while consume(i, item) runs on the GPU lane, prepare(i + 1) runs on the performance lane.
// Rethrows the first failure.
template <typename T>
void overlap(Lanes& on, std::size_t count, const std::function<T(std::size_t)>& prepare,
             const std::function<void(std::size_t, T&)>& consume) {
  if (count == 0) return;
  std::optional<T> ready(prepare(0));
  for (std::size_t i = 0; i < count; ++i) {
    std::optional<T> next;
    std::vector<TaskTraits> traits(i + 1 < count ? 2 : 1);
    traits[0].requires_gpu = true;
    std::vector<TaskState> states;
    std::vector<std::exception_ptr> errors;
    on.run(
        traits,
        [&](std::size_t part, const TaskContext&) {
          if (part == 0) {
            consume(i, *ready);
          } else {
            next.emplace(prepare(i + 1));
          }
        },
        {}, states, errors);
    for (const std::exception_ptr& error : errors) {
      if (error) std::rethrow_exception(error);
    }
    ready = std::move(next);
  }
}

// Tells BLAS and OpenMP libraries, loaded or yet to be, to use this many threads: parallelism belongs to the lanes.
void limit_math_threads(int threads);

// Port: binds the calling thread to the lane's cores, or gives it its quality of service.
void enter_lane(Lane lane, const Machine& machine);

}  // namespace jarvis2::hardware
