// Names across files: which function, class or module a name stands for.
#include "code/python_world.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <thread>

namespace jarvis2::code {
namespace {

constexpr std::size_t kCachedWorlds = 6;
constexpr std::size_t kMostDerived = 4;  // files in which a world may differ from the one it is derived from

std::string module_name(const std::string& path) {
  std::string name = path.substr(0, path.rfind('.'));
  std::replace(name.begin(), name.end(), '/', '.');
  const std::string package = ".__init__";
  if (name.size() > package.size() && name.compare(name.size() - package.size(), package.size(), package) == 0)
    name.resize(name.size() - package.size());
  return name;
}

bool is_attribute_target(const PythonFacts& facts, Node node) {
  Node here = node;
  Node up = facts.parent(node);
  while (up.is("pattern_list") || up.is("tuple_pattern") || up.is("list_pattern") || up.is("list_splat_pattern") ||
         up.is("expression_list") || up.is("parenthesized_expression") || up.is("tuple")) {
    here = up;
    up = facts.parent(up);
  }
  if (up.is("assignment") || up.is("augmented_assignment") || up.is("for_statement") || up.is("for_in_clause"))
    return up.field("left") == here;
  return up.is("delete_statement") || up.is("as_pattern_target");
}

// What a computed string surely begins with: "visit_" + x, f"visit_{x}", "visit_%s" % x.
std::string known_prefix(Node name) {
  if (name.is("binary_operator")) {
    std::string left = known_prefix(name.field("left"));
    return name.field("operator").text() == "%" ? left.substr(0, left.find('%')) : left;
  }
  if (name.is("call") && name.field("function").is("attribute") &&
      name.field("function").field("attribute").text() == "format") {
    std::string text = known_prefix(name.field("function").field("object"));
    return text.substr(0, text.find('{'));
  }
  if (!name.is("string")) return "";
  std::string text;
  for (const Node part : name.children()) {
    if (part.is("interpolation")) break;
    if (part.is("string_content")) text += part.text();
  }
  return text;
}

}  // namespace

bool python_is_target(const PythonFacts& facts, Node node) {
  return is_attribute_target(facts, node);
}

bool PythonFacts::is_assignment_target(const PythonFacts& facts, Node node) {
  return is_attribute_target(facts, node);
}

namespace {

std::vector<const SourceFile*> python_sources(const Workspace& workspace) {
  std::vector<const SourceFile*> sources;
  for (const SourceFile& file : workspace.files()) {
    if (file.tree && file.tree->language() == Language::kPython) sources.push_back(&file);
  }
  return sources;
}

}  // namespace

PythonWorld::PythonWorld(const Workspace& workspace) : impl_(std::make_unique<Impl>(*this)) {
  impl_->build(workspace);
}

PythonWorld::PythonWorld(const Workspace& workspace, const PythonWorld& almost) : impl_(std::make_unique<Impl>(*this)) {
  impl_->derive(workspace, *almost.impl_);
}

PythonWorld::~PythonWorld() = default;

void PythonWorld::Impl::build(const Workspace& workspace) {
  const std::vector<const SourceFile*> sources = python_sources(workspace);
  files.resize(sources.size());
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t i; (i = next.fetch_add(1)) < sources.size();) files[i] = PythonFacts::of(*sources[i]);
  };
  {
    std::vector<std::jthread> pool;
    const std::size_t most = std::min<std::size_t>(std::thread::hardware_concurrency(), sources.size() / 32);
    for (std::size_t i = 1; i < most; ++i) pool.emplace_back(work);
    work();
  }
  for (std::size_t i = 0; i < files.size(); ++i) places.emplace(files[i].get(), i);
  for (const std::shared_ptr<const PythonFacts>& facts : files) add(*facts);
  index_modules();
}

void PythonWorld::Impl::derive(const Workspace& workspace, const Impl& from) {
  const std::vector<const SourceFile*> sources = python_sources(workspace);
  files = from.files;
  functions = from.functions;
  methods = from.methods;
  classes = from.classes;
  calls = from.calls;
  attribute_stores = from.attribute_stores;
  attribute_loads = from.attribute_loads;
  class_attributes = from.class_attributes;
  patched = from.patched;
  changed_later = from.changed_later;
  values = from.values;
  computed_names = from.computed_names;
  std::vector<std::size_t> changed;
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (&files[i]->tree() == sources[i]->tree.get()) continue;
    changed.push_back(i);
    remove(*files[i]);
    files[i] = PythonFacts::of(*sources[i]);
  }
  for (std::size_t i = 0; i < files.size(); ++i) places.emplace(files[i].get(), i);
  for (const std::size_t i : changed) add(*files[i]);
  index_modules();
}

namespace {

const PythonFacts* facts_of(const PythonFunction* function) {
  return function->facts;
}
const PythonFacts* facts_of(const PythonClass* cls) {
  return cls->facts;
}
const PythonFacts* facts_of(const PythonWorld::CallSite& site) {
  return site.facts;
}

}  // namespace

void PythonWorld::Impl::add(const PythonFacts& facts) {
  const std::size_t place = places.at(&facts);
  // After those of earlier files, before those of later ones.
  const auto put = [&](auto& table, std::string_view name, const auto& one) {
    auto& list = table.at(name);
    auto at = list.end();
    while (at != list.begin() && places.at(facts_of(*std::prev(at))) > place) --at;
    list.insert(at, one);
  };
  for (const PythonFunction& function : facts.functions()) {
    if (function.owner >= 0) {
      put(methods, function.name, &function);
    } else if (!function.nested) {
      put(functions, function.name, &function);
    }
  }
  for (const PythonClass& cls : facts.classes()) put(classes, cls.name, &cls);
  const PythonFileIndex& own = facts.index();
  const auto join = [&](auto& into, const auto& from) {
    for (const auto& [name, list] : from) {
      for (const CallSite& site : list) put(into, name, site);
    }
  };
  join(calls, own.calls);
  join(attribute_stores, own.attribute_stores);
  join(attribute_loads, own.attribute_loads);
  const auto count = [](NameTable<std::uint32_t>& into, const NameSet& from) {
    for (const std::string& name : from) ++into.at(name);
  };
  count(class_attributes, own.class_attributes);
  count(patched, own.patched);
  count(changed_later, own.changed_later);
  count(values, own.values);
  for (const std::string& name : own.computed_names) ++computed_names[name];
}

void PythonWorld::Impl::remove(const PythonFacts& facts) {
  const auto drop = [&](auto& table, std::string_view name) {
    std::erase_if(table.at(name), [&](const auto& one) { return facts_of(one) == &facts; });
  };
  for (const PythonFunction& function : facts.functions()) {
    if (function.owner >= 0) {
      drop(methods, function.name);
    } else if (!function.nested) {
      drop(functions, function.name);
    }
  }
  for (const PythonClass& cls : facts.classes()) drop(classes, cls.name);
  const PythonFileIndex& own = facts.index();
  for (const auto& [name, list] : own.calls) drop(calls, name);
  for (const auto& [name, list] : own.attribute_stores) drop(attribute_stores, name);
  for (const auto& [name, list] : own.attribute_loads) drop(attribute_loads, name);
  const auto discount = [](NameTable<std::uint32_t>& from, const NameSet& names) {
    for (const std::string& name : names) --from.at(name);
  };
  discount(class_attributes, own.class_attributes);
  discount(patched, own.patched);
  discount(changed_later, own.changed_later);
  discount(values, own.values);
  for (const std::string& name : own.computed_names) {
    if (--computed_names[name] == 0) computed_names.erase(name);
  }
}

void PythonWorld::Impl::index_modules() {
  for (const std::shared_ptr<const PythonFacts>& facts : files) {
    by_path[facts->path()] = facts.get();
    std::string name = module_name(facts->path());
    while (true) {
      const auto [at, inserted] = modules.emplace(name, facts.get());
      if (!inserted) at->second = nullptr;
      const std::size_t dot = name.find('.');
      if (dot == std::string::npos) break;
      name = name.substr(dot + 1);
    }
  }
}

std::shared_ptr<const PythonFileIndex> make_python_file_index(const PythonFacts& facts) {
  std::shared_ptr<PythonFileIndex> made = std::make_shared<PythonFileIndex>();
  auto& [calls, attribute_stores, attribute_loads, class_attributes, computed_names, patched, changed_later, values] =
      *made;
  for (const PythonClass& cls : facts.classes()) {
    for (const auto& [attribute, value] : cls.attributes) class_attributes.insert(attribute);
  }
  walk(facts.tree().root(), [&calls = calls, &attribute_stores = attribute_stores, &attribute_loads = attribute_loads,
                             &computed_names = computed_names, &patched = patched, &changed_later = changed_later,
                             &values = values, &facts](Node node) {
    if (node.is("call")) {
      const Node callee = node.field("function");
      const Node last = callee.is("attribute") ? callee.field("attribute") : callee;
      if (last.is("identifier")) calls[std::string(last.text())].push_back({&facts, node});
      if (callee.is("identifier") && (callee.text() == "setattr" || callee.text() == "delattr")) {
        const Node name_node = node.field("arguments").named(1);
        if (name_node.is("string") && name_node.named_count() == 3)
          patched.insert(std::string(name_node.named(1).text()));
      }
      if (callee.is("identifier") && (callee.text() == "getattr" || callee.text() == "methodcaller")) {
        Node name_node = node.field("arguments").named(callee.text() == "getattr" ? 1 : 0);
        if (!name_node.is("string") || name_node.text().find('{') != std::string_view::npos)
          computed_names.insert(known_prefix(name_node));
      }
    } else if (node.is("attribute")) {
      const std::string name_text(node.field("attribute").text());
      const Node up = facts.parent(node);
      if (is_attribute_target(facts, node)) {
        patched.insert(name_text);
        attribute_stores[name_text].push_back({&facts, node});
        const PythonFunction* function = facts.function_of(node);
        const bool constructs = function != nullptr && function->owner >= 0 && function->name == "__init__" &&
                                !function->parameters.empty() &&
                                function->parameters[0].name == node.field("object").text();
        if (!constructs) changed_later.insert(name_text);
      } else if (!(up.is("call") && up.field("function") == node)) {
        values.insert(name_text);
        attribute_loads[name_text].push_back({&facts, node});
      }
    } else if (node.is("identifier") && facts.is_variable(node) && !facts.is_store(node)) {
      const Node up = facts.parent(node);
      if (!(up.is("call") && up.field("function") == node)) values.insert(std::string(node.text()));
    }
    return true;
  });
  return made;
}

std::shared_ptr<const PythonWorld> PythonWorld::of(const Workspace& workspace) {
  static std::mutex mutex;
  using Key = std::vector<std::pair<const Tree*, std::size_t>>;  // with the path's hash
  static std::deque<std::pair<Key, std::shared_ptr<const PythonWorld>>> known;
  Key key;
  key.reserve(workspace.files().size());
  for (const SourceFile& file : workspace.files()) {
    if (file.tree && file.tree->language() == Language::kPython)
      key.emplace_back(file.tree.get(), std::hash<std::string>()(file.path));
  }
  std::shared_ptr<const PythonWorld> nearest;
  {
    const std::lock_guard<std::mutex> lock(mutex);
    std::size_t fewest = kMostDerived + 1;
    for (const auto& [other, world] : known) {
      if (other.size() != key.size()) continue;
      std::size_t differences = 0;
      for (std::size_t i = 0; i < key.size() && differences < fewest; ++i) {
        // Another path at the same place is another project.
        if (other[i] != key[i]) differences += other[i].second == key[i].second ? 1 : fewest;
      }
      if (differences == 0) return world;
      if (differences >= fewest) continue;
      fewest = differences;
      nearest = world;
    }
  }
  std::shared_ptr<const PythonWorld> made =
      nearest ? std::make_shared<PythonWorld>(workspace, *nearest) : std::make_shared<PythonWorld>(workspace);
  const std::lock_guard<std::mutex> lock(mutex);
  for (const auto& [other, world] : known) {
    if (other == key) return world;
  }
  known.emplace_back(std::move(key), made);
  if (known.size() > kCachedWorlds) known.pop_front();
  return made;
}

const PythonFacts* PythonWorld::facts(const std::string& path) const {
  const auto found = impl_->by_path.find(path);
  return found == impl_->by_path.end() ? nullptr : found->second;
}

namespace {
template <typename T>
T listed(const NameTable<T>& table, std::string_view name) {
  const T* found = table.find(name);
  return found == nullptr ? T{} : *found;
}
}  // namespace

std::vector<const PythonFunction*> PythonWorld::functions_named(std::string_view name) const {
  return listed(impl_->functions, name);
}
std::vector<const PythonFunction*> PythonWorld::methods_named(std::string_view name) const {
  return listed(impl_->methods, name);
}
std::vector<const PythonClass*> PythonWorld::classes_named(std::string_view name) const {
  return listed(impl_->classes, name);
}

const std::vector<PythonWorld::CallSite>& PythonWorld::calls_of(std::string_view name) const {
  static const std::vector<CallSite> none;
  const std::vector<CallSite>* found = impl_->calls.find(name);
  return found == nullptr ? none : *found;
}

bool PythonWorld::used_as_value(std::string_view name) const {
  return impl_->values.contains(name);
}

bool PythonWorld::attribute_patched(std::string_view name) const {
  return impl_->patched.contains(name);
}

bool PythonWorld::set_only_in_constructors(std::string_view name) const {
  return impl_->attribute_stores.contains(name) && !impl_->changed_later.contains(name);
}

bool PythonWorld::defined_in_class(std::string_view name) const {
  return impl_->methods.contains(name) || impl_->class_attributes.contains(name);
}

// The class that a name refers to as seen from a file: bound once, here or in the module it is imported from.
const PythonClass* PythonWorld::Impl::class_named(const PythonFacts& facts, int scope, std::string_view name) const {
  int holder = -1;
  const PythonBinding* binding = facts.lookup(scope, name, &holder);
  if (binding == nullptr || binding->stores.size() != 1 || binding->written_from_outside) return nullptr;
  const Node store = binding->stores[0];
  if (facts.parent(store).is("class_definition")) return facts.class_at(facts.parent(store));
  if (!binding->imported) return nullptr;
  const auto imported = facts.imports().find(name);
  if (imported == facts.imports().end() || imported->second.name.empty()) return nullptr;
  const auto module = modules.find(imported->second.module);
  if (module == modules.end() || module->second == nullptr) return nullptr;
  return module->second == &facts ? nullptr : class_named(*module->second, 0, imported->second.name);
}

const PythonFunction* PythonWorld::Impl::function_named(const PythonFacts& facts, int scope,
                                                        std::string_view name) const {
  int holder = -1;
  const PythonBinding* binding = facts.lookup(scope, name, &holder);
  if (binding == nullptr || binding->stores.size() != 1 || binding->written_from_outside || binding->deleted ||
      facts.dynamic() || facts.scopes()[0].dynamic)
    return nullptr;
  const Node store = binding->stores[0];
  if (facts.parent(store).is("function_definition")) return facts.function_at(facts.parent(store));
  if (!binding->imported) return nullptr;
  const auto imported = facts.imports().find(name);
  if (imported == facts.imports().end() || imported->second.name.empty()) return nullptr;
  const auto module = modules.find(imported->second.module);
  if (module == modules.end() || module->second == nullptr || module->second == &facts) return nullptr;
  return function_named(*module->second, 0, imported->second.name);
}

const PythonFacts* PythonWorld::Impl::module_of(const PythonFacts& facts, Node object) const {
  if (!object.is("identifier")) return nullptr;
  const PythonBinding* binding = facts.resolve(object);
  if (binding == nullptr || !binding->imported || binding->stores.size() != 1) return nullptr;
  const auto imported = facts.imports().find(object.text());
  if (imported == facts.imports().end()) return nullptr;
  const std::string full =
      imported->second.name.empty() ? imported->second.module : imported->second.module + "." + imported->second.name;
  const auto module = modules.find(full);
  return module == modules.end() ? nullptr : module->second;
}

std::vector<const PythonClass*> PythonWorld::ancestors(const PythonClass& cls, bool* complete) const {
  std::vector<const PythonClass*> result;
  if (complete != nullptr) *complete = true;
  std::vector<const PythonClass*> todo{&cls};
  while (!todo.empty() && result.size() < 64) {
    const PythonClass* here = todo.front();
    todo.erase(todo.begin());
    for (const std::string& base : here->bases) {
      if (base == "object") continue;
      const int around = here->facts->scopes()[here->scope].parent;
      const PythonClass* found = impl_->class_named(*here->facts, around, base);
      if (found == nullptr || found == &cls) {
        if (complete != nullptr) *complete = false;
        continue;
      }
      if (std::find(result.begin(), result.end(), found) == result.end()) {
        result.push_back(found);
        todo.push_back(found);
      }
    }
  }
  return result;
}

const std::vector<const PythonClass*>& PythonWorld::Impl::below(const PythonClass& cls) const {
  const std::lock_guard<std::recursive_mutex> lock(mutex);
  if (!families_known) {
    families_known = true;
    for (const std::shared_ptr<const PythonFacts>& facts : files) {
      for (const PythonClass& other : facts->classes()) {
        if (other.bases.empty()) continue;
        std::vector<const PythonClass*> above = world.ancestors(other);
        // A base whose name can't be followed but reads the same is taken for it.
        for (const std::string& base : other.bases) {
          const std::size_t dot = base.rfind('.');
          if (dot == std::string::npos) continue;
          const std::vector<const PythonClass*>* named = classes.find(std::string_view(base).substr(dot + 1));
          if (named == nullptr) continue;
          for (const PythonClass* same : *named) {
            if (same != &other && std::find(above.begin(), above.end(), same) == above.end()) above.push_back(same);
          }
        }
        for (const PythonClass* one : above) families[one].push_back(&other);
      }
    }
  }
  return families[&cls];
}

std::vector<const PythonClass*> PythonWorld::descendants(const PythonClass& cls) const {
  return impl_->below(cls);
}

const PythonFunction* PythonWorld::method_of(const PythonClass& cls, std::string_view name) const {
  const auto own = cls.methods.find(name);
  if (own != cls.methods.end()) return &cls.facts->functions()[own->second];
  if (cls.attributes.count(name) != 0) return nullptr;
  for (const PythonClass* base : ancestors(cls)) {
    const auto found = base->methods.find(name);
    if (found != base->methods.end()) return &base->facts->functions()[found->second];
    if (base->attributes.count(name) != 0) return nullptr;
  }
  return nullptr;
}

// The one method that instances of `type` (and of its subclasses) run for `name`.
const PythonFunction* PythonWorld::Impl::only_method(const PythonType& type, std::string_view name) const {
  const PythonFunction* found = world.method_of(*type.of, name);
  if (found == nullptr || type.of->defined_twice) return nullptr;
  if (type.exact) return found;
  for (const PythonClass* below : world.descendants(*type.of)) {
    if (world.method_of(*below, name) != found) return nullptr;
  }
  return found;
}

// Offered to others, who may subclass it and override what they like: named in __all__, or by a package's __init__.py.
bool PythonWorld::Impl::exported(const PythonClass& cls) const {
  if (cls.facts->lookup(0, "__all__") != nullptr) {
    const std::string_view text = cls.facts->tree().text();
    const std::size_t list = text.find("__all__");
    for (const char* quote : {"'", "\""}) {
      if (list != std::string_view::npos && text.find(quote + cls.name + quote, list) != std::string_view::npos) {
        return true;
      }
    }
  }
  return std::any_of(files.begin(), files.end(), [&](const std::shared_ptr<const PythonFacts>& facts) {
    if (!facts->path().ends_with("__init__.py")) return false;
    return std::any_of(facts->imports().begin(), facts->imports().end(),
                       [&](const auto& entry) { return entry.second.name == cls.name; });
  });
}

const PythonFunction* PythonWorld::resolve_call(const PythonFacts& facts, Node call, Node* receiver,
                                                std::string* fact) const {
  const Node callee = call.field("function");
  const auto say = [&](std::string text) {
    if (fact != nullptr) *fact = std::move(text);
  };
  if (receiver != nullptr) *receiver = Node();
  if (callee.is("identifier")) {
    const PythonFunction* found = impl_->function_named(facts, facts.scope_of(callee), callee.text());
    if (found == nullptr || found->other_decorators || found->owner >= 0) return nullptr;
    if (found->facts != &facts && attribute_patched(callee.text())) return nullptr;
    say(std::string(callee.text()) + "() is defined once and never rebound");
    return found;
  }
  if (!callee.is("attribute")) return nullptr;
  const Node object = callee.field("object");
  const std::string name(callee.field("attribute").text());
  if (attribute_patched(name)) return nullptr;
  if (const PythonFacts* module = impl_->module_of(facts, object)) {
    const PythonFunction* found = impl_->function_named(*module, 0, name);
    if (found == nullptr || found->other_decorators) return nullptr;
    say(name + "() is defined once in its module and never rebound");
    return found;
  }
  if (object.is("call") && facts.is_builtin(object.field("function"), "super")) {
    const PythonFunction* around = facts.function_of(call);
    if (around == nullptr || around->owner < 0 || around->is_static) return nullptr;
    const PythonClass* cls = facts.class_of(*around);
    bool complete = false;
    const std::vector<const PythonClass*> above = ancestors(*cls, &complete);
    if (!complete || cls->bases.size() != 1 || above.empty()) return nullptr;
    for (const PythonClass* below : descendants(*cls)) {
      if (below->bases.size() > 1) return nullptr;
    }
    const PythonFunction* found = method_of(*above[0], name);
    if (found == nullptr || found->other_decorators) return nullptr;
    if (receiver != nullptr) *receiver = object;
    say(cls->name + " and its subclasses have a single base each, so super() is " + above[0]->name);
    return found;
  }
  if (object.is("identifier")) {
    if (const PythonClass* cls = impl_->class_named(facts, facts.scope_of(object), object.text())) {
      const PythonFunction* found = method_of(*cls, name);
      if (found == nullptr || found->other_decorators || found->is_property || cls->defined_twice) return nullptr;
      if (found->is_class_method && receiver != nullptr) *receiver = object;
      say(cls->name + "." + name + "() is defined once and never replaced");
      return found;
    }
  }
  const PythonType type = type_of(facts, object);
  if (receiver != nullptr) *receiver = object;
  if (type.kind == PythonType::Kind::kInstance) {
    const PythonFunction* found = impl_->only_method(type, name);
    if (found == nullptr || found->other_decorators || found->is_property) return nullptr;
    if (!type.exact && impl_->exported(*type.of)) return nullptr;
    say(std::string(object.text()) + " is " + (type.exact ? "a " : "a (subclass of) ") + type.of->name +
        " and no class below it overrides " + name + "()");
    return found;
  }
  if (type.known() || python_reading_method(name) || python_mutating_method(name)) return nullptr;
  if (object.is("identifier")) {
    const PythonBinding* binding = facts.resolve(object);
    if (binding != nullptr && binding->imported) return nullptr;
  }
  const std::vector<const PythonFunction*> found = methods_named(name);
  if (found.size() != 1 || found[0]->other_decorators || found[0]->is_property || !functions_named(name).empty())
    return nullptr;
  if (impl_->class_attributes.contains(name)) return nullptr;
  const PythonClass* cls = found[0]->facts->class_of(*found[0]);
  bool complete = false;
  ancestors(*cls, &complete);
  if (!complete || cls->defined_twice || cls->dynamic || impl_->exported(*cls)) return nullptr;
  say(cls->qualified + "." + name + "() is the only method of this name in the sources");
  return found[0];
}

const PythonClass* PythonWorld::resolve_constructor(const PythonFacts& facts, Node call) const {
  if (!call.is("call")) return nullptr;
  const Node callee = call.field("function");
  if (callee.is("identifier")) return impl_->class_named(facts, facts.scope_of(callee), callee.text());
  if (!callee.is("attribute")) return nullptr;
  const PythonFacts* module = impl_->module_of(facts, callee.field("object"));
  return module == nullptr ? nullptr : impl_->class_named(*module, 0, callee.field("attribute").text());
}

}  // namespace jarvis2::code
