// The outline of a file in any of the languages: symbols with their documentation, calls, base classes, imports. What
// the index stores and the graph is made of. One pass without recursion, so that no input can exhaust the stack.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "code/syntax.h"

namespace jarvis2::code {

enum class SymbolKind : std::uint8_t {
  kFunction,
  kMethod,
  kClass,
  kStruct,
  kEnum,
  kInterface,
  kTrait,
  kType,
  kModule,
  kMacro,
  kVariable
};

std::string_view symbol_kind_name(SymbolKind kind);  // "function", "method", ...
bool is_callable(SymbolKind kind);                   // function, method or macro
bool is_container(SymbolKind kind);                  // has members: class, struct, enum, interface, trait, module

inline constexpr std::uint32_t kNoSymbol = UINT32_MAX;

struct Symbol {
  std::string name;       // "advance"
  std::string qualified;  // "Simulation.advance"; parts joined by '.' in every language
  std::string signature;  // the head on one line, at most 200 bytes
  SymbolKind kind = SymbolKind::kFunction;
  bool declaration = false;  // a prototype: the definition is elsewhere
  Range range;               // the whole definition with decorators, template heads, `export`
  Range body;                // empty where there is none
  Range doc;                 // docstring or the comments directly before; empty when none
  std::uint32_t line = 0;    // of the definition, decorators left out; 1-based
  std::uint32_t end_line = 0;
  std::uint32_t parent = kNoSymbol;  // index of the symbol around it
  std::uint32_t complexity = 0;      // cyclomatic [McCabe 1976]: decisions + 1; callables only
};

enum class ReferenceKind : std::uint8_t { kCall, kInherit };

struct Reference {
  std::string name;       // last part
  std::string qualifier;  // what stands before it ("self", "os.path", "Type"); empty when none or too long to matter
  ReferenceKind kind = ReferenceKind::kCall;
  std::uint32_t symbol = kNoSymbol;  // the innermost symbol around it
  std::uint32_t line = 0;
};

struct Import {
  std::string module;  // as written: "a.b", ".b", "x/y.h", "./x", "crate::a::b", "java.util.List"
  std::string name;    // the one name taken from it; empty: the module itself; "*": all
  std::string alias;   // what it is called here; empty: as `name`, or the module's last part
  std::uint32_t line = 0;
};

struct Outline {
  std::vector<Symbol> symbols;  // in order of their start
  std::vector<Reference> references;
  std::vector<Import> imports;
};

// Never throws for a tree's contents, errors in it included. Thread-safe.
Outline outline_of(const Tree& tree);

}  // namespace jarvis2::code
