// Facts about Python sources: scopes and bindings, functions, classes, loops (one file: PythonFacts), and what needs
// several files: resolved calls, effects, purity, simple types (PythonWorld). Conservative by name: what is not seen
// counts as unknown. Both are immutable after building, so readable from many threads.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "code/interned_names.h"
#include "code/syntax.h"
#include "code/workspace.h"

namespace jarvis2::code {

using NameSet = std::set<std::string, std::less<>>;

// A name in one scope.
struct PythonBinding {
  std::string name;
  std::vector<Node>
      stores;  // identifiers that bind it, in source order (parameters, targets, definitions, imports, del)
  std::vector<Node> loads;  // identifiers that read it, from nested scopes too
  bool parameter = false;
  bool imported = false;
  bool captured = false;              // used by a nested function or lambda
  bool written_from_outside = false;  // a nested scope declares it global or nonlocal and stores it
  bool declared_outer = false;        // global or nonlocal here: the binding lives in another scope
  bool deleted = false;
};

enum class PythonScopeKind { kModule, kClass, kFunction, kLambda, kComprehension };

struct PythonScope {
  PythonScopeKind kind = PythonScopeKind::kModule;
  Node node;
  int parent = -1;  // index; -1 for the module
  std::map<std::string, PythonBinding, std::less<>> bindings;
  bool dynamic = false;  // exec, eval, locals(), vars() or a star import: names can't be trusted
};

struct PythonParameter {
  enum class Kind { kPositionalOnly, kNormal, kKeywordOnly, kStar, kDoubleStar };
  std::string name;
  Node node;
  Node default_value;  // may be null
  Node annotation;     // may be null
  Kind kind = Kind::kNormal;
};

class PythonFacts;
struct PythonFileIndex;

struct PythonFunction {
  const PythonFacts* facts = nullptr;
  Node node;  // function_definition
  Node body;
  std::string name;
  std::string qualified;  // "Class.method", "outer.inner"
  int scope = -1;
  int owner = -1;  // index of the class whose body holds it; -1: none
  std::vector<PythonParameter> parameters;
  std::vector<Node> decorators;
  std::vector<Node> returns;
  bool is_async = false;
  bool is_generator = false;
  bool nested = false;  // inside another function
  bool is_static = false;
  bool is_class_method = false;
  bool is_property = false;  // @property getter
  bool other_decorators = false;
};

struct PythonClass {
  const PythonFacts* facts = nullptr;
  Node node;  // class_definition
  Node body;
  std::string name;
  std::string qualified;
  int scope = -1;
  std::vector<std::string> bases;  // texts, keyword arguments left out
  std::vector<Node> decorators;
  std::map<std::string, int, std::less<>> methods;      // name → index of the last definition
  std::map<std::string, Node, std::less<>> attributes;  // assigned in the class body → value (may be null)
  std::map<std::string, std::vector<Node>, std::less<>> instance_attributes;  // self.X = ...: the attribute nodes
  std::optional<std::vector<std::string>> slots;                              // where __slots__ is a literal
  bool has_keywords = false;                                                  // metaclass=... and the like
  bool dynamic = false;        // __getattr__, __setattr__, __getattribute__, __dict__ use or computed __slots__
  bool defined_twice = false;  // a method or the class name is bound more than once
  bool nested = false;         // not at module level
};

struct PythonLoop {
  Node node;  // for_statement or while_statement
  Node body;
  int scope = -1;
  int depth = 1;  // 1: not inside another loop of its scope
};

// What one file says by itself.
class PythonFacts {
 public:
  explicit PythonFacts(const SourceFile& file);
  PythonFacts(const PythonFacts&) = delete;
  PythonFacts& operator=(const PythonFacts&) = delete;
  // The facts of a file, shared with whoever asked before (by tree). Thread safe.
  static std::shared_ptr<const PythonFacts> of(const SourceFile& file);

  const std::string& path() const { return path_; }
  const Tree& tree() const { return *tree_; }
  const std::vector<PythonScope>& scopes() const { return scopes_; }
  const std::vector<PythonFunction>& functions() const { return functions_; }
  const std::vector<PythonClass>& classes() const { return classes_; }
  const std::vector<PythonLoop>& loops() const { return loops_; }

  // Parent in the tree, faster than Node::parent(); null for the root.
  Node parent(Node node) const;
  Node ancestor(Node node, std::initializer_list<std::string_view> kinds) const;
  // Index of the scope in which `node`'s names are looked up (a function's own node: the scope around it).
  int scope_of(Node node) const;
  // The nearest function or module scope: comprehensions, lambdas and classes are passed over.
  int frame_of(Node node) const;
  // The innermost function around `node`; null at module or class level.
  const PythonFunction* function_of(Node node) const;
  const PythonFunction* function_at(Node definition) const;
  const PythonClass* class_at(Node definition) const;
  // The class of a method, null for functions.
  const PythonClass* class_of(const PythonFunction& function) const;
  // "Class.method" around `node`; empty at file level.
  std::string symbol_of(Node node) const;

  // The binding that an identifier refers to; null: a builtin or unknown name. `scope` receives its scope's index.
  const PythonBinding* resolve(Node identifier, int* scope = nullptr) const;
  const PythonBinding* lookup(int from_scope, std::string_view name, int* scope = nullptr) const;
  // True where the identifier is a name that is read or bound (no attribute name, no keyword of a call).
  bool is_variable(Node identifier) const;
  bool is_store(Node identifier) const;
  bool is_builtin(Node identifier, std::string_view name) const;

  // The statement that holds `node` directly (simple or compound), and the block around a statement.
  Node statement_of(Node node) const;
  // The innermost loop of the same function whose body or condition holds `node`; null: none.
  Node loop_of(Node node) const;

  // Names of the same frame that `region` binds or deletes, nested comprehensions' own variables left out.
  NameSet names_stored_in(Node region) const;
  NameSet names_read_in(Node region) const;  // free names, nested functions included
  NameSet attributes_stored_in(Node region) const;
  // A name's value may change while `region` runs: bound in it, or bound by nested functions or global statements.
  bool reassigned_in(Node region, Node identifier) const;
  // Every use of the name that `identifier` refers to lies in `region`.
  bool used_only_in(Node region, Node identifier) const;
  // Module-level name bound exactly once in its file, and by no global statement, del or star import.
  bool bound_once(std::string_view module_name) const;
  // A local whose object leaves the function or gets a second name: returned, yielded, passed, stored, captured.
  // Only `name.attribute` and `name[...]` uses (loads and stores) do not count.
  bool escapes(const PythonBinding& binding) const;
  // `node` (an attribute, subscript or name) is assigned to or deleted here, patterns included.
  static bool is_assignment_target(const PythonFacts& facts, Node node);
  // Every name that appears anywhere in the file (identifiers, attributes, keywords): for making unused ones.
  const NameSet& all_names() const { return all_names_; }
  // Calls of exec, eval, globals() or setattr with a computed name, or sys.modules use, anywhere in the file.
  bool dynamic() const { return dynamic_; }
  // "from a import b as c" → c : {a, b}; "import a.b as c" → c : {a.b, ""}.
  struct Import {
    std::string module;  // relative ones resolved against the path
    std::string name;    // empty: the module itself
  };
  const std::map<std::string, Import, std::less<>>& imports() const { return imports_; }
  // What PythonWorld gathers by name, made once a file.
  const PythonFileIndex& index() const { return *file_index_; }

 private:
  friend class PythonFactsBuilder;
  std::string path_;
  std::shared_ptr<const Tree> tree_;
  std::vector<PythonScope> scopes_;
  std::vector<PythonFunction> functions_;
  std::vector<PythonClass> classes_;
  std::vector<PythonLoop> loops_;
  std::vector<Node> nodes_;      // pre-order, named only
  std::vector<int> parents_;     // index in nodes_
  std::vector<int> node_scope_;  // index in scopes_
  std::unordered_map<const void*, int> index_;
  std::unordered_map<const void*, int> function_index_;
  std::unordered_map<const void*, int> class_index_;
  std::set<const void*> stores_;
  std::map<std::string, Import, std::less<>> imports_;
  NameSet all_names_;
  std::shared_ptr<const PythonFileIndex> file_index_;
  bool dynamic_ = false;
};

// What running a piece of code may change. Keys of `containers`: "x" (a local or global name), ".a" (held by an
// attribute a of anything), "x[]" (an element of x), "?" (anything).
struct PythonEffects {
  bool unknown = false;           // calls something not seen: anything may happen
  bool io = false;                // prints, reads, draws random numbers, raises on purpose, advances an iterator
  bool yields = false;            // gives control away
  InternedNames attributes;       // attribute names stored on existing objects
  InternedNames self_attributes;  // stored on the first parameter only
  InternedNames globals;          // module-level names rebound
  InternedNames containers;
  InternedNames attributes_read;
  InternedNames globals_read;
  bool containers_read = false;
  bool none() const {
    return !unknown && !io && !yields && attributes.empty() && self_attributes.empty() && globals.empty() &&
           containers.empty();
  }
  void add(const PythonEffects& other);
};

struct PythonType {
  // kPending: inside of the inference only (a question about itself).
  enum class Kind {
    kUnknown,
    kNone,
    kBool,
    kInt,
    kFloat,
    kStr,
    kBytes,
    kTuple,
    kList,
    kDict,
    kSet,
    kRange,
    kInstance,
    kPending
  };
  Kind kind = Kind::kUnknown;
  const PythonClass* of = nullptr;  // kInstance: this class
  bool exact = false;               // kInstance: no subclass possible here
  bool or_none = false;             // kInstance: None is possible too
  bool known() const { return kind != Kind::kUnknown && kind != Kind::kPending; }
  bool number() const { return kind == Kind::kBool || kind == Kind::kInt || kind == Kind::kFloat; }
  bool immutable() const { return number() || kind == Kind::kNone || kind == Kind::kStr || kind == Kind::kBytes; }
  friend bool operator==(const PythonType&, const PythonType&) = default;
};

// What the files of a workspace say together. Keeps the facts of its files alive.
class PythonWorld {
 public:
  explicit PythonWorld(const Workspace& workspace);
  PythonWorld(const Workspace& workspace, const PythonWorld& almost);  // faster; sees the same
  ~PythonWorld();
  PythonWorld(const PythonWorld&) = delete;
  PythonWorld& operator=(const PythonWorld&) = delete;
  // The world of a workspace, shared with whoever asked before for the same trees. Thread safe.
  static std::shared_ptr<const PythonWorld> of(const Workspace& workspace);

  const PythonFacts* facts(const std::string& path) const;
  std::vector<const PythonFunction*> functions_named(std::string_view name) const;  // module level
  std::vector<const PythonFunction*> methods_named(std::string_view name) const;
  std::vector<const PythonClass*> classes_named(std::string_view name) const;
  // Bases that lie in the workspace, nearest first; `complete` is false where a base is not seen (object is seen).
  std::vector<const PythonClass*> ancestors(const PythonClass& cls, bool* complete = nullptr) const;
  std::vector<const PythonClass*> descendants(const PythonClass& cls) const;
  // The method an instance of exactly `cls` runs for `name`.
  const PythonFunction* method_of(const PythonClass& cls, std::string_view name) const;
  // Attribute `name` is stored somewhere (x.name = ..., setattr): a method of that name may be replaced.
  bool attribute_patched(std::string_view name) const;
  // Attribute `name` is stored only through self in constructors: constant once its object is made.
  bool set_only_in_constructors(std::string_view name) const;
  // All calls whose callee ends in `name` (f(...), x.f(...)).
  struct CallSite {
    const PythonFacts* facts = nullptr;
    Node call;
  };
  const std::vector<CallSite>& calls_of(std::string_view name) const;
  // `name` is read as a value somewhere (passed on, stored), not only called.
  bool used_as_value(std::string_view name) const;
  // Some class of the workspace gives `name` as a method, property or class attribute.
  bool defined_in_class(std::string_view name) const;

  // The function that a call runs; null where it can't be told. `receiver` gets the object of a method call (null for
  // plain functions). `fact` gets the sentence that names what the resolution relies on.
  const PythonFunction* resolve_call(const PythonFacts& facts, Node call, Node* receiver, std::string* fact) const;
  // The class that a call constructs; null otherwise.
  const PythonClass* resolve_constructor(const PythonFacts& facts, Node call) const;
  PythonType type_of(const PythonFacts& facts, Node expression) const;
  // What the items of a container (values of a dict) are, where every place that fills it is seen.
  PythonType element_of(const PythonFacts& facts, Node expression) const;
  // The methods that a call may run, each with the classes whose instances run it; abstract ones (they only raise
  // NotImplementedError) and classes that are never constructed left out. `complete`: there can be no others.
  struct PossibleMethod {
    const PythonFunction* method = nullptr;
    std::vector<const PythonClass*> classes;
  };
  std::vector<PossibleMethod> possible_methods(const PythonFacts& facts, Node call, bool* complete) const;

  // Effects of running `region` (expression or statement) once, calls included.
  PythonEffects effects(const PythonFacts& facts, Node region) const;
  const PythonEffects& effects(const PythonFunction& function) const;
  // Only what the functions called in `region` do, without what it does itself (unknown calls included).
  PythonEffects called_effects(const PythonFacts& facts, Node region) const;
  // Every place that stores an attribute; `call` is the attribute node.
  std::vector<CallSite> attribute_stores() const;
  // The function may be running when it is called again (calls followed by name).
  bool may_recurse(const PythonFunction& function) const;
  // No effects, and gives an equal value when nothing it reads changed. It may raise.
  bool pure(const PythonFacts& facts, Node expression) const;
  // Pure, and nothing it reads is changed by `region` (of the same function, which usually holds the expression).
  // `why_not` gets the reason.
  bool invariant_in(const PythonFacts& facts, Node expression, Node region, std::string* why_not = nullptr) const;
  // As invariant_in with the region's effects and stored names given (for ranges of statements).
  bool unaffected_by(const PythonFacts& facts, Node expression, const PythonEffects& effects, const NameSet& stored,
                     std::string* why_not = nullptr) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Names of Python's builtins and keywords.
bool python_builtin(std::string_view name);
bool python_keyword(std::string_view name);
// Builtin functions without effects ("len", "abs"); functions of standard modules ("math.sqrt").
bool python_pure_function(std::string_view name);
// Methods of builtin types: reading ones ("get", "split") and those that change their object ("append").
bool python_reading_method(std::string_view name);
bool python_mutating_method(std::string_view name);

}  // namespace jarvis2::code
