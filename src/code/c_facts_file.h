// Internal to c_facts: what one file tells by itself.
#pragma once

#include <functional>

#include "code/c_facts.h"

namespace jarvis2::code {

// Remembered by tree; thread-safe.
std::shared_ptr<const CFile> collect_c_file(const SourceFile& file);
// Calls `visit(child, field_name)` for all children, unnamed ones too; linear.
void each_child(Node node, const std::function<void(Node, std::string_view)>& visit);

}  // namespace jarvis2::code
