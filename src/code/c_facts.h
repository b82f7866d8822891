// Facts about C and C++ that rewrites rely on, read off the syntax trees of a workspace. Nothing here is a compiler:
// types are as spelled, functions are told apart by name, and what is not understood counts as the worst case.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "code/workspace.h"

namespace jarvis2::code {

// A type as spelled: "const std::vector<int>&" is base "std::vector<int>", is_const, reference.
struct CType {
  std::string base;  // without cv and storage words, white space normalised; empty: unknown
  bool is_const = false;
  bool is_volatile = false;
  bool reference = false;  // & or &&
  bool rvalue = false;     // &&
  int pointers = 0;
  int arrays = 0;
  bool function = false;  // a function or a pointer to one
  bool known() const { return !base.empty(); }
  bool is_value() const { return known() && !reference && pointers == 0 && arrays == 0 && !function; }
  // "vector" for "std::vector<int>", "Point" for "geo::Point"
  std::string name() const;
  // {"int"} for "std::vector<int>"
  std::vector<std::string> arguments() const;
  std::string text() const;
};
// The type of a spelled text: "const char *" → base "char", is_const, pointers 1.
CType parse_c_type(std::string_view text);

enum class CStorage { kLocal, kStaticLocal, kParameter, kMember, kGlobal };

struct CVariable {
  std::string name;
  CType type;
  CStorage storage = CStorage::kLocal;
  Node declaration;  // declaration, parameter_declaration, field_declaration, for_range_loop, ...
  Node declarator;   // with its pointer, array and init parts
  Node name_node;
  Node value;       // initializer; null where none
  Node array_size;  // of the first array part; null where none
  Range scope;      // where the name is visible (locals and parameters)
  bool is_static = false;
  bool is_constexpr = false;
  bool structured = false;  // from a structured binding
  explicit operator bool() const { return static_cast<bool>(name_node); }
};

struct CFunction {
  std::string name;       // "push", "operator+"
  std::string qualified;  // "geo::Stack::push", as far as the file tells
  std::string owner;      // enclosing class by its plain name, "Stack"; empty for free functions
  std::string path;
  Node node;        // function_definition
  Node body;        // compound_statement
  Node declarator;  // function_declarator
  CType returns;
  std::vector<CVariable> parameters;
  bool is_static = false;  // internal linkage or static member
  bool is_inline = false;
  bool is_virtual = false;  // virtual, override or final
  bool is_const = false;
  bool is_template = false;
  bool is_noexcept = false;
};

struct CRecord {
  std::string name;
  std::string path;
  Node node;  // struct_specifier, class_specifier, union_specifier
  std::vector<CVariable> fields;
  std::set<std::string> const_methods;     // every overload is const
  std::set<std::string> mutating_methods;  // some overload is not const
  std::set<std::string> virtual_methods;
  std::vector<std::string> bases;
  bool is_final = false;
  bool is_union = false;
  bool has_special = false;  // user-written copy, move, destructor or assignment
};

struct CInclude {
  std::string name;  // "<vector>" or "\"a.h\""
  Node node;
};

// How much evaluating something touches the world, beyond its own local values.
enum class CEffect { kPure, kReads, kWrites };

// What a use of a variable does to it.
enum class CUse {
  kRead,
  kWrite,         // the whole value: x = ..., ++x, x += ...
  kElementWrite,  // a part, or through it: x[i] = ..., x.f = ..., *x = ..., x->f = ...
  kMutate,        // a method that is not known to be const; see CUseOf::method
  kAddress,       // &x, bound to a non-const reference, captured by reference
  kMove,          // std::move(x), std::forward
  kArgument,      // passed to a callee whose parameter is not known to be a value or a const reference
};
struct CUseOf {
  Node node;  // the identifier
  CUse use = CUse::kRead;
  std::string method;
  Node place;  // the largest place rooted at the identifier: x, x[i].f
};

// What a piece of code (with all that it calls in the workspace) may write or read, by name.
struct CRegion {
  std::set<std::string> names;          // variables assigned, mutated by method or reachable by a non-const reference
  std::set<std::string> fields;         // f of stores to x.f and x->f
  std::set<std::string> elements;       // roots of stores by subscript or dereference
  std::set<std::string> element_types;  // base types of what these stores write; "?" unknown
  std::set<std::string> read_names, read_fields, read_elements;
  std::set<std::string> unknown_calls;  // neither in the workspace nor in the library tables
  bool world = false;                   // files, allocator, clock, random numbers
  bool jumps_out = false;               // return, goto, throw, break out, longjmp
  bool writes() const {
    return !names.empty() || !fields.empty() || !elements.empty() || !unknown_calls.empty() || world;
  }
};

// Whether an expression has the same value each time it is evaluated in a region.
struct CInvariance {
  bool holds = false;
  bool certain = false;    // no assumption about aliasing or unknown calls was needed
  std::string assumption;  // "stores through out do not reach s"; empty when certain
  std::string reason;      // why it does not hold
};

// One parsed file.
struct CFile {
  std::string path;
  std::shared_ptr<const Tree> tree;
  std::vector<CFunction> functions;  // definitions, in source order
  std::vector<CRecord> records;
  std::vector<CVariable> globals;
  std::vector<CVariable> locals;  // of all functions and lambdas, parameters included, in source order
  std::vector<CInclude> includes;
  std::map<std::string, std::string> typedefs;          // name → type text
  std::map<std::string, std::vector<Node>> prototypes;  // function name → function_declarator of declarations
  std::map<std::string, std::string> macros;            // names defined here and their texts
  std::unordered_map<std::string, std::vector<Node>> identifiers;  // all identifiers and field names by text
  std::unordered_map<std::string, std::vector<std::uint32_t>> locals_by_name;  // indices into locals
  bool includes_header(std::string_view name) const;                           // "vector" or "stdio.h"
};

// Facts of all C and C++ files of a workspace. Immutable; shared between threads. `of` remembers what it made for the
// same trees. Keeps the trees alive.
class CFacts {
 public:
  static std::shared_ptr<const CFacts> of(const Workspace& workspace);

  const CFile* file(const std::string& path) const;
  const CFile* file_of(Node node) const;
  const std::vector<std::shared_ptr<const CFile>>& files() const { return files_; }
  // Definitions with this unqualified name, in all files.
  const std::vector<const CFunction*>& functions(std::string_view name) const;
  const CFunction* enclosing_function(Node node) const;
  const CRecord* record(std::string_view name) const;
  const CRecord* enclosing_record(Node node) const;
  // The variable an identifier, or `this->x` field, names; false where unknown. Locals, members, globals.
  CVariable resolve(Node identifier) const;
  // The type of an expression as far as spelled types tell; unknown: empty base. Typedefs are resolved.
  CType type_of(Node expression) const;
  CType resolved(CType type) const;  // typedefs replaced
  // How C spells a value of this type in a declaration: "int ", "struct point *"; empty: unknown or an array.
  std::string c_spelling(const CType& type) const;
  // int, double, char, size_t, uint8_t, ... ; enums do not count.
  static bool is_integer(const CType& type);
  static bool is_floating(const CType& type);
  static bool is_unsigned(const CType& type);
  // A value whose copy costs: string, container, or a record above 32 bytes or with such a field.
  bool is_large(const CType& type) const;
  // Estimated size of a value in bytes; 0 unknown.
  std::size_t size_of(const CType& type) const;

  CEffect effect(Node code) const;
  // "strlen" → kReads; the worst over definitions of that name in the workspace; unknown: kWrites.
  CEffect call_effect(Node call) const;
  // Remembered; the reference lives as long as these facts.
  const CRegion& region(Node code) const;
  // What a call of a workspace function with this name may write and read, seen from outside; null where none is
  // defined.
  const CRegion* called(std::string_view name) const;
  CInvariance invariant(Node expression, Node region) const;
  // Uses of a variable inside `within` (null: its scope, or the file), the declaration itself left out.
  std::vector<CUseOf> uses(const CVariable& variable, Node within = {}) const;
  CUseOf use_of(Node identifier) const;
  // No use in `within` writes it, moves it, takes its address or hands it to an unknown callee by reference.
  bool never_modified(const CVariable& variable, Node within = {}) const;
  bool assigned_in(const CVariable& variable, Node within) const;
  // The variable's address may be known elsewhere (address taken, bound to a reference, captured).
  bool escapes(const CVariable& variable) const;
  // Pointers, references and arrays of one function linked by assignments: may `a` and `b` point into the same object?
  // Different parameters are told apart only by assumption.
  bool linked(const CVariable& a, const CVariable& b) const;
  // How often a name is used as identifier or field name in all files.
  std::size_t count_identifier(std::string_view name) const;

 private:
  friend class CRegionCollector;
  void build_summaries();
  struct Memo {
    std::mutex mutex;
    std::map<std::pair<const void*, const void*>, std::unique_ptr<CRegion>> regions;
  };
  std::shared_ptr<Memo> memo_;
  std::vector<std::shared_ptr<const CFile>> files_;
  std::map<std::string, const CFile*, std::less<>> by_path_;
  std::unordered_map<const Tree*, const CFile*> by_tree_;
  std::map<std::string, std::vector<const CFunction*>, std::less<>> functions_;
  std::map<std::string, const CRecord*, std::less<>> records_;
  std::map<std::string, std::string, std::less<>> typedefs_;
  std::map<std::string, CVariable, std::less<>> globals_;
  std::map<std::string, CRegion, std::less<>> regions_;  // by function name
};

// Child helpers that are linear in the number of children.
std::vector<Node> named_children(Node node);  // comments left out
// Every named node below and including `node`, in source order.
std::vector<Node> descendants(Node node, std::initializer_list<std::string_view> kinds);
// A loop statement (for, while, do, range for) and its parts.
bool is_loop(Node node);
Node loop_body(Node loop);
Node enclosing_loop(Node node);  // inside the same function or lambda; null where none
// The callee's plain name ("size" for v.size(), "min" for std::min<int>); empty where it is not a name.
std::string callee_name(Node call);
// The object of a method call (v in v.size(), p in p->size()); null for plain calls.
Node call_receiver(Node call);
std::vector<Node> call_arguments(Node call);
// The leftmost identifier of a place (x in x.f[i]->g, (*x).f); null where there is none.
Node root_of(Node place);
// Parentheses taken off.
Node bare(Node expression);
// Known library functions and methods of the standard containers. A writer that touches only what its arguments point
// to is memory-only: memcpy, std::sort; not printf, malloc.
std::optional<CEffect> library_effect(std::string_view name);
bool is_const_library_method(std::string_view name);
bool is_memory_only(std::string_view name);

}  // namespace jarvis2::code
