// Inside of PythonWorld: shared by its source files only.
#pragma once

#include <mutex>
#include <utility>

#include "code/python_facts.h"

namespace jarvis2::code {

// Names of one file: what joins to the world's tables.
struct PythonFileIndex {
  template <typename T>
  using Named = std::map<std::string, T, std::less<>>;
  Named<std::vector<PythonWorld::CallSite>> calls;
  Named<std::vector<PythonWorld::CallSite>> attribute_stores;  // `call` is the attribute node
  NameSet class_attributes;
  NameSet patched;        // stored as an attribute somewhere
  NameSet changed_later;  // stored as an attribute outside constructors
  NameSet values;         // read other than by a call
};
std::shared_ptr<const PythonFileIndex> make_python_file_index(const PythonFacts& facts);

struct PythonWorld::Impl {
  explicit Impl(const PythonWorld& owner) : world(owner) {}

  template <typename T>
  using Named = std::map<std::string, T, std::less<>>;

  // How the callee's first parameter relates to the caller's.
  enum class Through { kOther, kSelf, kConstructor, kOperator };
  struct Summary {
    PythonEffects own;
    std::vector<std::pair<const PythonFunction*, Through>> callees;
  };

  void index(const PythonFacts& facts);
  const PythonClass* class_named(const PythonFacts& facts, int scope, std::string_view name) const;
  const PythonFunction* function_named(const PythonFacts& facts, int scope, std::string_view name) const;
  const PythonFacts* module_of(const PythonFacts& facts, Node object) const;
  const PythonFunction* only_method(const PythonType& type, std::string_view name) const;
  bool related(const PythonClass& a, const PythonClass& b) const;

  PythonType type(const PythonFacts& facts, Node node, int depth) const;
  PythonType find_type(const PythonFacts& facts, Node node, int depth) const;
  PythonType annotated(const PythonFacts& facts, Node annotation) const;
  PythonType operation(std::string_view op, const PythonType& left, const PythonType& right, int depth) const;
  PythonType return_type(const PythonFunction& function, int depth) const;
  PythonType call_type(const PythonFacts& facts, Node call, int depth) const;
  PythonType stored_type(const PythonFacts& facts, Node target, int depth) const;
  PythonType name_type(const PythonFacts& facts, Node node, int depth) const;
  PythonType parameter_type(const PythonFacts& facts, int scope, const std::string& name, int depth) const;
  PythonType argument_type(const PythonFunction& function, std::size_t place, int depth) const;
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
  std::map<std::string, const PythonFacts*> by_path;
  Named<const PythonFacts*> modules;  // every suffix of the dotted path; null where ambiguous
  Named<std::vector<const PythonFunction*>> functions;
  Named<std::vector<const PythonFunction*>> methods;
  Named<std::vector<const PythonClass*>> classes;
  Named<std::vector<CallSite>> calls;
  Named<std::vector<CallSite>> attribute_stores;  // `call` is the attribute node
  NameSet class_attributes;
  NameSet patched;
  NameSet changed_later;
  NameSet values;

  mutable std::recursive_mutex mutex;  // guards what is below
  mutable int open_questions = 0;
  mutable int type_steps = 0;       // of the question being answered
  mutable int pending_answers = 0;  // answers that rested on a question still open
  mutable std::unordered_map<const void*, PythonType> types;
  mutable std::unordered_map<const PythonBinding*, PythonType> binding_types;
  mutable std::unordered_map<const PythonFunction*, Summary> summaries;
  mutable std::unordered_map<const PythonFunction*, PythonEffects> known_effects;
  mutable std::unordered_map<const PythonFunction*, bool> recursive;
  mutable bool families_known = false;
  mutable std::unordered_map<const PythonClass*, std::vector<const PythonClass*>> families;
};

// `node` (an attribute or subscript) is assigned to or deleted.
bool python_is_target(const PythonFacts& facts, Node node);

}  // namespace jarvis2::code
