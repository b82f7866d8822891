// Inside of PythonWorld: shared by its source files only.
#pragma once

#include <mutex>
#include <utility>

#include "code/name_table.h"
#include "code/python_facts.h"

namespace jarvis2::code {

// Names of one file: what joins to the world's tables.
struct PythonFileIndex {
  template <typename T>
  using Named = std::map<std::string, T, std::less<>>;
  Named<std::vector<PythonWorld::CallSite>> calls;
  Named<std::vector<PythonWorld::CallSite>> attribute_stores;  // `call` is the attribute node
  Named<std::vector<PythonWorld::CallSite>> attribute_loads;   // `call` is the attribute node; called methods left out
  NameSet class_attributes;
  NameSet computed_names;  // getattr(x, "visit_" + y): "visit_"; "" where any name is possible
  NameSet patched;         // stored as an attribute somewhere
  NameSet changed_later;   // stored as an attribute outside constructors
  NameSet values;          // read other than by a call
};
std::shared_ptr<const PythonFileIndex> make_python_file_index(const PythonFacts& facts);

struct PythonWorld::Impl {
  explicit Impl(const PythonWorld& owner) : world(owner) {}

  // How the callee's first parameter relates to the caller's.
  enum class Through { kOther, kSelf, kConstructor, kOperator };
  struct Summary {
    PythonEffects own;
    std::vector<std::pair<const PythonFunction*, Through>> callees;
  };

  void build(const Workspace& workspace);
  // The tables of a world over almost the same files, changed where the files differ.
  void derive(const Workspace& workspace, const Impl& from);
  void add(const PythonFacts& facts);
  void remove(const PythonFacts& facts);
  void index_modules();
  const PythonClass* class_named(const PythonFacts& facts, int scope, std::string_view name) const;
  const PythonFunction* function_named(const PythonFacts& facts, int scope, std::string_view name) const;
  const PythonFacts* module_of(const PythonFacts& facts, Node object) const;
  const PythonFunction* only_method(const PythonType& type, std::string_view name) const;
  bool related(const PythonClass& a, const PythonClass& b) const;
  bool constructed(const PythonClass& cls) const;
  bool exported(const PythonClass& cls) const;

  PythonType type(const PythonFacts& facts, Node node, int depth) const;
  PythonType find_type(const PythonFacts& facts, Node node, int depth) const;
  PythonType annotated(const PythonFacts& facts, Node annotation) const;
  PythonType operation(std::string_view op, const PythonType& left, const PythonType& right, int depth) const;
  PythonType return_type(const PythonFunction& function, int depth) const;
  PythonType find_return_type(const PythonFunction& function, int depth) const;
  PythonType call_type(const PythonFacts& facts, Node call, int depth) const;
  PythonType stored_type(const PythonFacts& facts, Node target, int depth) const;
  PythonType name_type(const PythonFacts& facts, Node node, int depth) const;
  PythonType parameter_type(const PythonFacts& facts, int scope, const std::string& name, int depth) const;
  PythonType argument_type(const PythonFunction& function, std::size_t place, int depth) const;
  // What the calls in the sources pass for a parameter; nullopt where some call may be unseen.
  std::optional<std::vector<CallSite>> arguments_given(const PythonFunction& function, std::size_t place,
                                                       int depth) const;
  PythonType join(const PythonType& a, const PythonType& b) const;
  PythonType narrowed(const PythonFacts& facts, Node node) const;
  PythonType iterated(const PythonFacts& facts, Node over, Node left, Node target, int level, unsigned keys,
                      int depth) const;

  // python_elements.cc. The type of what is `level` items deep in a container: level 1 is an item. Bit n of `keys`
  // says that the container n items deep is iterated over (of a dict that gives keys, which are unknown).
  PythonType value_type(const PythonFacts& facts, Node node, int level, unsigned keys, int depth) const;
  PythonType elements(const PythonFacts& facts, Node node, int level, unsigned keys, int depth) const;
  PythonType find_elements(const PythonFacts& facts, Node node, int level, unsigned keys, int depth) const;
  PythonType call_elements(const PythonFacts& facts, Node call, int level, unsigned keys, int depth) const;
  PythonType name_elements(const PythonFacts& facts, Node node, int level, unsigned keys, int depth) const;
  PythonType attribute_elements(const PythonFacts& facts, Node node, int level, unsigned keys, int depth) const;
  PythonType annotated_elements(const PythonFacts& facts, Node annotation, int level, unsigned keys) const;
  PythonType stored_elements(const PythonFacts& facts, Node target, int level, unsigned keys, int depth) const;
  // What is put into a container by those who hold it under some name.
  struct Filling;
  bool follow(const PythonFacts& facts, Node use, int level, Filling& out) const;
  bool follow_name(const PythonFacts& facts, const PythonBinding& binding, int level, Filling& out) const;
  bool follow_attribute(const PythonFacts& facts, Node attribute, int level, Filling& out) const;
  bool follow_method(const PythonFacts& facts, Node call, Node use, std::string_view name, int level,
                     Filling& out) const;
  bool follow_argument(const PythonFacts& facts, Node argument, int level, Filling& out) const;
  bool put(const PythonFacts& facts, Node value, int level, Filling& out) const;
  PythonType attribute_type(const PythonFacts& facts, Node node, int depth) const;

  Summary summarise(const PythonFacts& facts, Node region) const;
  void summarise_call(const PythonFacts& facts, Node call, Node callee, Summary& out) const;
  void call_method(const PythonFacts& facts, Node call, Node object, const std::string& name, Summary& out) const;
  void dunder(std::string_view name, Summary& out) const;
  const Summary& function_summary(const PythonFunction& function) const;
  const PythonEffects& function_effects(const PythonFunction& function) const;
  std::string container_key(const PythonFacts& facts, Node value) const;
  bool fresh(const PythonFacts& facts, const PythonBinding& binding) const;

  // Subclasses of every class, made at the first question.
  const std::vector<const PythonClass*>& below(const PythonClass& cls) const;

  const PythonWorld& world;
  std::vector<std::shared_ptr<const PythonFacts>> files;
  std::unordered_map<const PythonFacts*, std::size_t> places;  // in `files`
  std::unordered_map<std::string, const PythonFacts*> by_path;
  std::map<std::string, const PythonFacts*, std::less<>> modules;  // each suffix of the dotted path; null: ambiguous
  // In the order of the files.
  NameTable<std::vector<const PythonFunction*>> functions;
  NameTable<std::vector<const PythonFunction*>> methods;
  NameTable<std::vector<const PythonClass*>> classes;
  NameTable<std::vector<CallSite>> calls;
  NameTable<std::vector<CallSite>> attribute_stores;  // `call` is the attribute node
  NameTable<std::vector<CallSite>> attribute_loads;
  // How many files have the name.
  NameTable<std::uint32_t> class_attributes;
  NameTable<std::uint32_t> patched;
  NameTable<std::uint32_t> changed_later;
  NameTable<std::uint32_t> values;
  std::map<std::string, std::uint32_t> computed_names;

  mutable std::recursive_mutex mutex;  // guards what is below
  mutable int open_questions = 0;
  mutable int type_steps = 0;       // of the question being answered
  mutable int pending_answers = 0;  // answers that rested on a question still open
  mutable std::unordered_map<const void*, PythonType> types;
  mutable std::unordered_map<const PythonBinding*, PythonType> binding_types;
  mutable std::map<std::pair<const void*, unsigned>, PythonType> element_types;  // node, level and keys
  mutable std::unordered_map<const PythonFunction*, PythonType> return_types;
  mutable std::unordered_map<const PythonFunction*, Summary> summaries;
  mutable std::unordered_map<const PythonFunction*, PythonEffects> known_effects;
  mutable std::unordered_map<const void*, PythonEffects> region_effects;  // by node
  mutable std::unordered_map<const PythonFunction*, bool> recursive;
  mutable bool families_known = false;
  mutable std::unordered_map<const PythonClass*, std::vector<const PythonClass*>> families;
};

// `node` (an attribute or subscript) is assigned to or deleted.
bool python_is_target(const PythonFacts& facts, Node node);

}  // namespace jarvis2::code
