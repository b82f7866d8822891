// What a language model is told: the function, where its time goes, who calls it, what failed before.
#pragma once

#include <string>
#include <vector>

#include "edit/llm_client.h"
#include "edit/propose.h"

namespace jarvis2::edit {

// What became of an earlier answer for the same function.
struct PastAnswer {
  std::string code;     // empty when it could not be read
  std::string outcome;  // "rejected: test_order fails", "not faster: 0.98x"
};

// The question for `function`, which must be one of `model`'s that can be asked for (llm_answer.h).
std::vector<ChatMessage> model_prompt(const code::Workspace& workspace, const code::Model& model, const Heat& heat,
                                      const code::Function& function, const std::vector<PastAnswer>& past);

}  // namespace jarvis2::edit
