// What single nodes say, language by language: names, bodies, docstrings, callees, bases, imports.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "code/outline.h"

namespace jarvis2::code {

struct Name {
  std::string last;
  std::string before;
};

struct Definition {
  std::string name;                // empty: nothing that can be named
  std::string scope;               // written with the name ("A.B" of A::B::f, a Go receiver's type)
  std::optional<SymbolKind> kind;  // where the node tells more than its own kind (Go's type_spec)
  bool function = false;           // declares or holds a function
  bool complete = true;            // has a body or is complete without
  Range body, doc;
  std::uint32_t line = 0;
  std::vector<std::string> bases;
};

// `node` has a role of definition in the outline.
Definition definition_of(Node node, Language language);
// Of a call, construction or macro use.
Name called_name(Node node);
// "Vec" of `Vec<T>`, "b" of `&a::b`.
std::string type_name(Node node);
std::vector<std::string> base_names(Node node);
void take_imports(Node node, std::vector<Import>& imports);
// Runs of white space become one space; at most 200 bytes, cut between characters.
std::string one_line(const std::string& text, Range range);

}  // namespace jarvis2::code
