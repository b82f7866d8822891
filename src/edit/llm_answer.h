// A language model's answer: of its fenced blocks, the function asked for, with the signature it had.
#pragma once

#include <optional>
#include <string>

#include "code/model.h"
#include "code/workspace.h"

namespace jarvis2::edit {

// The function as a model is shown it: outdented to the margin, text inside strings untouched.
std::string outdented(code::Language language, const std::string& text, std::uint32_t column);
// Lines after the first moved right by `indent`; text inside strings untouched.
std::string indented(code::Language language, const std::string& text, const std::string& indent);

// Whether the function stands alone as one definition that can be asked for.
bool can_be_asked_for(const code::SourceFile& file, const code::Function& function);
// What stands before the function on its first line, when that is nothing but white space.
std::optional<std::string> indent_of(const code::SourceFile& file, const code::Function& function);

// The syntax tree of a definition without layout, comments and docstrings: equal for answers that say the same.
std::string normalised(code::Language language, const std::string& text);

struct ModelAnswer {
  std::string text;        // what replaces the function's range
  std::string normalised;  // of it
  std::string problem;     // why it can't be used; empty: it can
};
// Reads an answer to the question for `function`. What stands beside it is left out when the function doesn't need it;
// imports that it needs become its first statements.
ModelAnswer read_answer(const std::string& answer, const code::SourceFile& file, const code::Function& function);

}  // namespace jarvis2::edit
