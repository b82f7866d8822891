#include "edit/llm_provider.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/process.h"
#include "edit/llm_answer.h"

namespace jarvis2::edit {
namespace {

constexpr std::size_t kMaxFunctionBytes = 8 << 10;
// What an accepted proposal may be expected to give: little is known of a model's answers.
constexpr double kPriorRatio = 1.08;

bool supported(code::Language language) {
  return language == code::Language::kPython || language == code::Language::kC || language == code::Language::kCpp;
}

}  // namespace

ModelProvider::ModelProvider(ModelProviderOptions options, const code::Workspace& workspace, const code::Model& model,
                             const Heat& heat, const ProposeOptions& propose)
    : options_(std::move(options)), workspace_(workspace), model_(model), heat_(heat) {
  log_.endpoint = options_.endpoint.url;
  log_.model = options_.endpoint.name;
  for (const code::Function& function : model_.functions()) {
    const code::SourceFile* file = workspace_.find(function.path);
    if (file == nullptr || !file->editable || !supported(file->tree->language())) continue;
    if (function.range.size() > kMaxFunctionBytes) continue;
    if (propose.accept && !propose.accept(function.path, &function)) continue;
    const double share = heat_.of_lines(function.path, function.line, function.end_line);
    if (!heat_.lines.empty() && share < std::max(propose.min_share, 0.01)) continue;
    if (!can_be_asked_for(*file, function)) continue;
    topics_.push_back({&function, file, share, 0, {}});
  }
  std::stable_sort(topics_.begin(), topics_.end(), [](const Topic& a, const Topic& b) { return a.share > b.share; });
  if (topics_.size() > 8) topics_.resize(8);
  if (topics_.empty()) {
    busy_ = false;
    log_.note = "no function that is hot enough can be rewritten as a whole";
    return;
  }
  thread_ = std::jthread([this](std::stop_token stop) { run(stop); });
}

ModelProvider::~ModelProvider() = default;

// The next question goes where it may gain most: hot, and little asked so far.
ModelProvider::Topic* ModelProvider::next_topic() {
  Topic* best = nullptr;
  double best_worth = 0;
  for (Topic& topic : topics_) {
    if (topic.asked >= options_.per_function) continue;
    const double worth = (topic.share + 0.01) / (1.0 + 2.0 * topic.asked);
    if (best == nullptr || worth > best_worth) {
      best = &topic;
      best_worth = worth;
    }
  }
  return best;
}

void ModelProvider::run(std::stop_token stop) {
  const auto finish = [&](const std::string& note) {
    const std::lock_guard lock(mutex_);
    busy_ = false;
    log_.note = note;
    changed_.notify_all();
  };
  ChatClient client(options_.endpoint);
  const std::string problem = client.open(stop);
  if (!problem.empty()) return finish(fmt::format("no language model at {}: {}", options_.endpoint.url, problem));
  const std::uint64_t begin_ns = monotonic_ns();
  const auto elapsed_s = [&] { return static_cast<double>(monotonic_ns() - begin_ns) * 1e-9; };
  unsigned failures = 0;
  for (unsigned number = 0; number < options_.questions && !stop.stop_requested(); ++number) {
    if (elapsed_s() > options_.budget_s) return finish("");
    std::vector<ChatMessage> messages;
    Topic* topic = nullptr;
    ChatOptions chat;
    {
      const std::lock_guard lock(mutex_);
      log_.model = client.model();
      topic = next_topic();
      if (topic == nullptr) break;
      messages = model_prompt(workspace_, model_, heat_, *topic->function, topic->past);
      // The first answer is the likeliest; later ones are to differ.
      chat.temperature = std::min(0.9, 0.2 + 0.25 * topic->asked);
      chat.max_tokens = std::clamp(static_cast<int>(topic->function->range.size()), 384, 4096);
      chat.seed = options_.seed * 1009 + number;
      ++topic->asked;
      ++log_.questions;
    }
    const std::uint64_t asked_ns = monotonic_ns();
    const ChatReply reply = client.ask(messages, chat, stop);
    if (stop.stop_requested()) break;
    const std::lock_guard lock(mutex_);
    log_.seconds += static_cast<double>(monotonic_ns() - asked_ns) * 1e-9;
    if (!reply.problem.empty()) {
      log_.refused.push_back({topic->function->qualified, topic->function->path, reply.problem});
      if (!reply.reached || ++failures >= 3) {
        log_.note = fmt::format("the language model at {} was given up: {}", options_.endpoint.url, reply.problem);
        break;
      }
      continue;
    }
    failures = 0;
    ++log_.answers;
    read(*topic, reply);
    changed_.notify_all();
  }
  const std::lock_guard lock(mutex_);
  busy_ = false;
  changed_.notify_all();
}

void ModelProvider::read(Topic& topic, const ChatReply& reply) {
  const code::Function& function = *topic.function;
  ModelAnswer answer = read_answer(reply.text, *topic.file, function);
  if (!answer.problem.empty()) {
    log_.refused.push_back({function.qualified, function.path, answer.problem});
    topic.past.push_back({"", "An answer could not be used: " + answer.problem + "."});
    return;
  }
  if (!known_.insert(function.path + '\0' + function.qualified + '\0' + answer.normalised).second) {
    ++log_.duplicates;
    log_.refused.push_back({function.qualified, function.path, "the same as an earlier answer"});
    return;
  }
  Action action;
  action.kind = Kind::kModel;
  action.rule = "model/rewrite-function";
  action.title = fmt::format("{} rewritten by {}", function.qualified, log_.model);
  action.note = "written by a language model: nothing is known of it but what building, tests and output show";
  action.safety = Safety::kSafeIfVerified;
  action.path = function.path;
  action.line = function.line;
  action.site = function.range;
  action.symbol = function.qualified;
  action.share = action.line_share = topic.share;
  action.prior_ratio = kPriorRatio;
  action.replacements.push_back({function.path, topic.file->sha256, function.range, answer.text});
  topic.past.push_back({answer.text, "This one is being measured; find another way."});
  ready_.push_back(std::move(action));
  ++log_.actions;
}

std::vector<Action> ModelProvider::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(ready_, {});
}

bool ModelProvider::busy() const {
  const std::lock_guard lock(mutex_);
  return busy_ || !ready_.empty();
}

void ModelProvider::wait(double timeout_s) const {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, std::chrono::duration<double>(timeout_s), [&] { return !busy_ || !ready_.empty(); });
}

void ModelProvider::tell(const Action& action, const std::string& outcome) {
  if (action.kind != Kind::kModel || action.replacements.empty()) return;
  const std::lock_guard lock(mutex_);
  for (Topic& topic : topics_) {
    if (topic.function->path != action.path || !(topic.function->range == action.site)) continue;
    for (PastAnswer& past : topic.past) {
      if (past.code == action.replacements[0].text) past.outcome = "This one was " + outcome + ":";
    }
  }
}

ModelLog ModelProvider::log() const {
  const std::lock_guard lock(mutex_);
  return log_;
}

}  // namespace jarvis2::edit
