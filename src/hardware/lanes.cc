#include "hardware/lanes.h"

#include <dlfcn.h>
#include <stdlib.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <condition_variable>
#include <mutex>
#include <numeric>
#include <string>
#include <thread>

#include "hardware/workers.h"

namespace jarvis2::hardware {
namespace {

using Clock = std::chrono::steady_clock;

std::size_t index_of(Lane lane) {
  return static_cast<std::size_t>(lane);
}

bool is_cpu(Lane lane) {
  return lane == Lane::kPerformance || lane == Lane::kEfficiency;
}

// The tasks of one call, shared by those who work on them.
struct Batch {
  std::span<const TaskTraits> traits;
  const std::function<void(std::size_t, const TaskContext&)>* body = nullptr;
  TaskContext context;
  bool nested = false;
  std::vector<TaskState>* states = nullptr;
  std::vector<std::exception_ptr>* errors = nullptr;
  std::array<std::size_t, kLaneCount> size{};
  std::array<std::vector<std::size_t>, kLaneCount> order;  // most urgent first; empty where all tasks are alike
  std::array<std::atomic<std::size_t>, kLaneCount> next{};
  std::array<int, kLaneCount> priority{};
  std::atomic<std::size_t> left{0};
  // Guards the end: `left` reaches zero under it.
  std::mutex mutex;
  std::condition_variable finished;

  bool claimable(Lane lane) const {
    return next[index_of(lane)].load(std::memory_order_relaxed) < size[index_of(lane)];
  }
  const TaskTraits& traits_of(std::size_t task) const { return traits.size() == 1 ? traits.front() : traits[task]; }
};

// A place in a lane's queue; as many as threads can work on the batch.
struct Ticket {
  std::shared_ptr<Batch> batch;
  int priority = 0;
  std::uint64_t number = 0;  // first come, first served
};

struct LessUrgent {
  bool operator()(const Ticket& a, const Ticket& b) const {
    return a.priority != b.priority ? a.priority < b.priority : a.number > b.number;
  }
};

}  // namespace

std::string_view lane_name(Lane lane) {
  constexpr std::array<std::string_view, kLaneCount> kNames = {"performance", "efficiency", "gpu", "io"};
  return kNames[index_of(lane)];
}

Lane classify(const TaskTraits& traits) {
  if (traits.requires_gpu) return Lane::kGpu;
  if (traits.io_operations) return Lane::kIo;
  return traits.background ? Lane::kEfficiency : Lane::kPerformance;
}

bool TaskContext::should_stop() const {
  return stop.stop_requested() || (deadline && Clock::now() >= *deadline);
}

LaneSizes lane_sizes(const Machine& machine) {
  LaneSizes sizes;
  const int usable = std::max(1, static_cast<int>(std::floor(usable_cpus(machine))));
  sizes.cores = usable;
  sizes.performance = std::clamp(performance_cores(machine), 1, usable);
  const int efficient = efficiency_cores(machine);
  sizes.efficiency = std::clamp(efficient > 0 ? efficient : usable / 2, 1, usable);
  sizes.io = workers(machine).io;
  sizes.memory_budget_bytes = memory_budget_bytes(machine);
  return sizes;
}

struct Lanes::State {
  State(const Machine& of, const LaneSizes& with) : machine(of), sizes(with), free_cores(std::max(1, with.cores)) {}

  Machine machine;
  LaneSizes sizes;
  mutable std::mutex mutex;  // guards all below it
  std::array<std::condition_variable, kLaneCount> wake;
  std::condition_variable helper_wake;
  std::array<std::vector<Ticket>, kLaneCount> queues;  // heaps
  std::array<std::vector<std::thread>, kLaneCount> threads;
  std::uint64_t next_number = 0;
  int free_cores;
  int helpers = 0;  // waiting for a core to help with
  bool ending = false;
  Counters counters;

  std::array<std::atomic<int>, kLaneCount> most_urgent{};
  std::array<std::atomic<bool>, kLaneCount> queued{};
  std::atomic<std::uint64_t> begun{0};

  std::mutex memory_mutex;
  std::condition_variable memory_free;
  std::uint64_t reserved_bytes = 0;

  int threads_of(Lane lane) const {
    switch (lane) {
      case Lane::kPerformance:
        return std::max(1, sizes.performance);
      case Lane::kEfficiency:
        return std::max(1, sizes.efficiency);
      case Lane::kGpu:
        return std::max(1, sizes.gpu);
      case Lane::kIo:
        return std::max(1, sizes.io);
    }
    return 1;
  }

  // --- All of these need the mutex.

  void note_queue(Lane lane) {
    const std::vector<Ticket>& queue = queues[index_of(lane)];
    queued[index_of(lane)].store(!queue.empty(), std::memory_order_relaxed);
    most_urgent[index_of(lane)].store(queue.empty() ? 0 : queue.front().priority, std::memory_order_relaxed);
  }

  void push(Lane lane, Ticket ticket) {
    std::vector<Ticket>& queue = queues[index_of(lane)];
    queue.push_back(std::move(ticket));
    std::push_heap(queue.begin(), queue.end(), LessUrgent());
    note_queue(lane);
  }

  Ticket pop(Lane lane) {
    std::vector<Ticket>& queue = queues[index_of(lane)];
    std::pop_heap(queue.begin(), queue.end(), LessUrgent());
    Ticket ticket = std::move(queue.back());
    queue.pop_back();
    note_queue(lane);
    return ticket;
  }

  void take_core() {
    --free_cores;
    counters.most_running = std::max(counters.most_running, std::max(1, sizes.cores) - free_cores);
  }

  void give_core() {
    ++free_cores;
    // The performance lane first; helpers finish what others wait for.
    for (const Lane lane : {Lane::kPerformance, Lane::kEfficiency}) {
      if (!queues[index_of(lane)].empty()) wake[index_of(lane)].notify_one();
    }
    if (helpers > 0) helper_wake.notify_all();
  }

  void start_threads(Lane lane) {
    std::vector<std::thread>& of = threads[index_of(lane)];
    while (static_cast<int>(of.size()) < threads_of(lane)) of.emplace_back([this, lane] { work(lane); });
  }

  // ---

  std::uint64_t reservation(const TaskTraits& traits) const {
    if (traits.memory_bytes > 0 || !traits.memory_intensive) return traits.memory_bytes;
    return sizes.memory_budget_bytes / static_cast<std::uint64_t>(std::max(1, sizes.cores));
  }

  void give_memory(std::uint64_t bytes) {
    if (bytes == 0) return;
    const std::lock_guard lock(memory_mutex);
    reserved_bytes -= bytes;
    memory_free.notify_all();
  }

  // Waits until the task's memory fits; a core that is held is lent meanwhile.
  void take_memory(std::uint64_t bytes, bool nested, bool holds_core) {
    if (bytes == 0) return;
    std::unique_lock lock(memory_mutex);
    const auto fits = [&] {
      return nested || sizes.memory_budget_bytes == 0 || reserved_bytes == 0 ||
             (reserved_bytes <= sizes.memory_budget_bytes && bytes <= sizes.memory_budget_bytes - reserved_bytes);
    };
    while (!fits()) {
      if (holds_core) {
        lock.unlock();
        {
          const std::lock_guard cores(mutex);
          give_core();
        }
        lock.lock();
        memory_free.wait(lock, fits);
        lock.unlock();
        wait_for_core();
        lock.lock();
      } else {
        memory_free.wait(lock, fits);
      }
    }
    reserved_bytes += bytes;
    const std::uint64_t now = reserved_bytes;
    lock.unlock();
    const std::lock_guard count(mutex);
    counters.most_memory_bytes = std::max(counters.most_memory_bytes, now);
  }

  void wait_for_core() {
    std::unique_lock lock(mutex);
    ++helpers;
    helper_wake.wait(lock, [&] { return free_cores > 0; });
    --helpers;
    take_core();
  }

  // False when the batch has nothing more to begin on this lane.
  bool run_one(Batch& batch, Lane lane, bool holds_core);
  void work(Lane lane);
  void help(const std::shared_ptr<Batch>& batch);
  void serve_gpu(Batch& until);
  void wait(const std::shared_ptr<Batch>& batch);
};

namespace {

// The lane whose thread this is, and whether it holds a core of the budget.
struct Here {
  const void* owner = nullptr;
  Lane lane = Lane::kPerformance;
  bool holds_core = false;
  int depth = 0;  // tasks below which this one was submitted
};
thread_local Here t_here;

}  // namespace

bool Lanes::State::run_one(Batch& batch, Lane lane, bool holds_core) {
  const std::size_t of = index_of(lane);
  if (!batch.claimable(lane)) return false;
  const std::size_t claim = batch.next[of].fetch_add(1, std::memory_order_relaxed);
  if (claim >= batch.size[of]) return false;
  const std::size_t task = batch.order[of].empty() ? claim : batch.order[of][claim];
  TaskState& state = (*batch.states)[task];
  if (batch.context.stop.stop_requested()) {
    state = TaskState::kCancelled;
  } else if (batch.context.deadline && Clock::now() >= *batch.context.deadline) {
    state = TaskState::kLate;
  } else {
    const std::uint64_t bytes = reservation(batch.traits_of(task));
    take_memory(bytes, batch.nested, holds_core);
    begun.fetch_add(1, std::memory_order_relaxed);
    ++t_here.depth;
    try {
      (*batch.body)(task, batch.context);
      state = TaskState::kDone;
    } catch (...) {
      (*batch.errors)[task] = std::current_exception();
      state = TaskState::kFailed;
    }
    --t_here.depth;
    give_memory(bytes);
  }
  if (batch.left.fetch_sub(1, std::memory_order_acq_rel) == 1) {
    // Whoever waits may be about to sleep, in either place.
    {
      const std::lock_guard end(batch.mutex);
      batch.finished.notify_all();
    }
    const std::lock_guard lock(mutex);
    if (helpers > 0) helper_wake.notify_all();
  }
  return true;
}

void Lanes::State::work(Lane lane) {
  enter_lane(lane, machine);
  const std::size_t of = index_of(lane);
  t_here = {this, lane, false, 0};
  std::unique_lock lock(mutex);
  while (true) {
    wake[of].wait(lock, [&] { return ending || (!queues[of].empty() && (!is_cpu(lane) || free_cores > 0)); });
    if (ending) return;
    Ticket ticket = pop(lane);
    if (is_cpu(lane)) take_core();
    t_here.holds_core = is_cpu(lane);
    lock.unlock();
    bool more = true;
    while (more) {
      more = run_one(*ticket.batch, lane, is_cpu(lane));
      // Something more urgent has come.
      if (more && queued[of].load(std::memory_order_relaxed) &&
          most_urgent[of].load(std::memory_order_relaxed) > ticket.priority) {
        break;
      }
    }
    t_here.holds_core = false;
    lock.lock();
    if (more) push(lane, std::move(ticket));
    if (is_cpu(lane)) give_core();
  }
}

// What a lane's thread does while it waits: begins what of the batch nobody has begun. Only the GPU's threads touch the
// GPU.
void Lanes::State::help(const std::shared_ptr<Batch>& batch) {
  const bool gpu = t_here.lane == Lane::kGpu;
  const auto claimable = [&](bool cpu) {
    return cpu ? batch->claimable(Lane::kPerformance) || batch->claimable(Lane::kEfficiency)
               : batch->claimable(Lane::kIo) || (gpu && batch->claimable(Lane::kGpu));
  };
  while (batch->left.load(std::memory_order_acquire) > 0) {
    if (claimable(false)) {
      if (gpu && run_one(*batch, Lane::kGpu, t_here.holds_core)) continue;
      run_one(*batch, Lane::kIo, t_here.holds_core);
      continue;
    }
    if (!claimable(true)) return;
    if (!t_here.holds_core) {
      std::unique_lock lock(mutex);
      ++helpers;
      helper_wake.wait(
          lock, [&] { return free_cores > 0 || batch->left.load(std::memory_order_acquire) == 0 || !claimable(true); });
      --helpers;
      if (free_cores <= 0) continue;
      take_core();
      t_here.holds_core = true;
      lock.unlock();
      if (!run_one(*batch, Lane::kPerformance, true)) run_one(*batch, Lane::kEfficiency, true);
      lock.lock();
      t_here.holds_core = false;
      give_core();
      continue;
    }
    if (!run_one(*batch, Lane::kPerformance, true)) run_one(*batch, Lane::kEfficiency, true);
  }
}

// A thread of the GPU's that waits goes on serving the GPU: what it waits for may itself wait for that.
void Lanes::State::serve_gpu(Batch& until) {
  const std::size_t of = index_of(Lane::kGpu);
  const auto finished = [&] { return until.left.load(std::memory_order_acquire) == 0; };
  const bool held_core = std::exchange(t_here.holds_core, false);
  std::unique_lock lock(mutex);
  while (!finished()) {
    ++helpers;
    helper_wake.wait(lock, [&] { return finished() || !queues[of].empty(); });
    --helpers;
    if (queues[of].empty()) continue;
    Ticket ticket = pop(Lane::kGpu);
    lock.unlock();
    bool more = true;
    while (more && !finished()) more = run_one(*ticket.batch, Lane::kGpu, false);
    lock.lock();
    if (more) push(Lane::kGpu, std::move(ticket));
  }
  if (!queues[of].empty()) wake[of].notify_one();
  t_here.holds_core = held_core;
}

void Lanes::State::wait(const std::shared_ptr<Batch>& batch) {
  const bool ours = t_here.owner == this;
  if (ours) help(batch);
  const bool lend = ours && t_here.holds_core && batch->left.load(std::memory_order_acquire) > 0;
  if (lend) {
    const std::lock_guard lock(mutex);
    give_core();
  }
  if (ours && t_here.lane == Lane::kGpu) {
    serve_gpu(*batch);
  } else {
    std::unique_lock lock(batch->mutex);
    batch->finished.wait(lock, [&] { return batch->left.load(std::memory_order_acquire) == 0; });
  }
  if (lend) wait_for_core();
}

Lanes::Lanes(const Machine& machine) : Lanes(machine, lane_sizes(machine)) {}

Lanes::Lanes(const Machine& machine, const LaneSizes& sizes) : state_(std::make_unique<State>(machine, sizes)) {}

Lanes::~Lanes() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->ending = true;
    for (std::condition_variable& wake : state_->wake) wake.notify_all();
  }
  for (std::vector<std::thread>& of : state_->threads) {
    for (std::thread& thread : of) thread.join();
  }
}

const LaneSizes& Lanes::sizes() const {
  return state_->sizes;
}

Lanes::Counters Lanes::counters() const {
  const std::lock_guard lock(state_->mutex);
  Counters counters = state_->counters;
  counters.tasks = state_->begun.load(std::memory_order_relaxed);
  return counters;
}

void Lanes::run(std::span<const TaskTraits> traits, const std::function<void(std::size_t, const TaskContext&)>& body,
                const BatchOptions& options, std::vector<TaskState>& states, std::vector<std::exception_ptr>& errors) {
  run_batch(traits.size(), traits, body, options, states, errors);
}

void Lanes::run_batch(std::size_t count, std::span<const TaskTraits> traits,
                      const std::function<void(std::size_t, const TaskContext&)>& body, const BatchOptions& options,
                      std::vector<TaskState>& states, std::vector<std::exception_ptr>& errors) {
  states.assign(count, TaskState::kPending);
  errors.assign(count, nullptr);
  if (count == 0) return;
  const std::shared_ptr<Batch> batch = std::make_shared<Batch>();
  batch->traits = traits;
  batch->body = &body;
  batch->context = {options.stop, options.deadline};
  batch->nested = t_here.owner == state_.get() && t_here.depth > 0;
  batch->states = &states;
  batch->errors = &errors;
  batch->left.store(count, std::memory_order_relaxed);
  if (traits.size() == 1) {
    batch->size[index_of(classify(traits.front()))] = count;
    batch->priority[index_of(classify(traits.front()))] = traits.front().priority;
  } else {
    for (std::size_t i = 0; i < count; ++i) batch->order[index_of(classify(traits[i]))].push_back(i);
    const auto by_urgency = [&](std::size_t a, std::size_t b) { return traits[a].priority > traits[b].priority; };
    for (std::size_t of = 0; of < kLaneCount; ++of) {
      std::vector<std::size_t>& order = batch->order[of];
      if (!std::is_sorted(order.begin(), order.end(), by_urgency)) {
        std::stable_sort(order.begin(), order.end(), by_urgency);
      }
      batch->size[of] = order.size();
      batch->priority[of] = order.empty() ? 0 : traits[order.front()].priority;
    }
  }
  {
    const std::lock_guard lock(state_->mutex);
    for (std::size_t of = 0; of < kLaneCount; ++of) {
      if (batch->size[of] == 0) continue;
      const Lane lane = static_cast<Lane>(of);
      state_->start_threads(lane);
      const std::size_t most =
          std::min<std::size_t>(batch->size[of], static_cast<std::size_t>(state_->threads_of(lane)));
      for (std::size_t i = 0; i < most; ++i) {
        state_->push(lane, {batch, batch->priority[of], state_->next_number++});
        state_->wake[of].notify_one();
      }
      if (lane == Lane::kGpu && state_->helpers > 0) state_->helper_wake.notify_all();
    }
  }
  state_->wait(batch);
}

bool Lanes::for_each(std::size_t count, const TaskTraits& traits, const std::function<void(std::size_t)>& body,
                     const BatchOptions& options) {
  std::stop_source failed;
  const std::stop_callback forward(options.stop, [&] { failed.request_stop(); });
  std::vector<TaskState> states;
  std::vector<std::exception_ptr> errors;
  run_batch(
      count, {&traits, 1},
      [&](std::size_t i, const TaskContext&) {
        try {
          body(i);
        } catch (...) {
          failed.request_stop();
          throw;
        }
      },
      {failed.get_token(), options.deadline}, states, errors);
  for (const std::exception_ptr& error : errors) {
    if (error) std::rethrow_exception(error);
  }
  return std::all_of(states.begin(), states.end(), [](TaskState state) { return state == TaskState::kDone; });
}

Lanes& lanes() {
  static Lanes* const instance = new Lanes(this_machine());
  return *instance;
}

void limit_math_threads(int threads) {
  const std::string text = std::to_string(std::max(1, threads));
  for (const char* name :
       {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"}) {
    ::setenv(name, text.c_str(), 1);
  }
  // Those that are loaded have read their environment.
  for (const char* name :
       {"openblas_set_num_threads", "omp_set_num_threads", "MKL_Set_Num_Threads", "bli_thread_set_num_threads"}) {
    void* const found = ::dlsym(RTLD_DEFAULT, name);
    if (found != nullptr) reinterpret_cast<void (*)(int)>(found)(std::max(1, threads));
  }
}

}  // namespace jarvis2::hardware
