// Proposals of a language model: asked about the hottest functions in a thread of its own, while the search goes on.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "edit/llm_client.h"
#include "edit/llm_prompt.h"
#include "edit/propose.h"

namespace jarvis2::edit {

struct ModelProviderOptions {
  ModelEndpoint endpoint;
  unsigned questions = 12;    // in all
  unsigned per_function = 4;  // for one function
  double budget_s = 300;      // no question starts later than this after the first
  std::uint64_t seed = 1;
};

// What a run's report says about the model.
struct ModelLog {
  struct Refused {
    std::string symbol;
    std::string path;
    std::string reason;
  };
  std::string endpoint, model;
  std::string note;  // why nothing (more) was asked; one line
  unsigned questions = 0;
  unsigned answers = 0;
  unsigned duplicates = 0;
  unsigned actions = 0;
  double seconds = 0;            // waiting for answers
  std::vector<Refused> refused;  // answers that were no candidates
};

// Asks in the background from construction to destruction. Thread-safe. Workspace, model and heat must outlive it.
class ModelProvider {
 public:
  ModelProvider(ModelProviderOptions options, const code::Workspace& workspace, const code::Model& model,
                const Heat& heat, const ProposeOptions& propose);
  ~ModelProvider();
  ModelProvider(const ModelProvider&) = delete;
  ModelProvider& operator=(const ModelProvider&) = delete;

  // Actions out of answers that came since the last call. Never waits.
  std::vector<Action> take();
  // More actions may come.
  bool busy() const;
  // Waits until there is something to take, nothing more will come, or the time is over.
  void wait(double timeout_s) const;
  // What became of an action of ours that was verified alone; goes into the next question about its function.
  void tell(const Action& action, const std::string& outcome);
  ModelLog log() const;

 private:
  struct Topic {
    const code::Function* function = nullptr;
    const code::SourceFile* file = nullptr;
    double share = 0;
    unsigned asked = 0;
    std::vector<PastAnswer> past;
  };
  void run(std::stop_token stop);
  Topic* next_topic();  // with the lock held
  void read(Topic& topic, const ChatReply& reply);

  ModelProviderOptions options_;
  const code::Workspace& workspace_;
  const code::Model& model_;
  const Heat& heat_;
  mutable std::mutex mutex_;  // guards what follows
  mutable std::condition_variable changed_;
  std::vector<Topic> topics_;
  std::vector<Action> ready_;
  std::set<std::string> known_;  // syntax trees of answers, by function
  ModelLog log_;
  bool busy_ = true;
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace jarvis2::edit
