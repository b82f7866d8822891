// python/scalar-replace: a temporary object (or tuple) becomes one local a field.
// Preconditions: every assignment to the local constructs the same class of the sources (or a tuple of one length);
// the local is only used through its fields (constant indices, unpacking), never captured, passed on or compared;
// a final `return` of it constructs the object there instead, where the constructor merely stores its parameters.
// The class stores its fields in __init__ and does nothing else there, has no __slots__ hooks, __getattr__, __del__,
// metaclass or class decorator (a plain @dataclass is understood). Arguments are evaluated in the same order.
// Differs: the object's identity, weak references and tracebacks; a field read before it is set is a NameError.
#include <algorithm>

#include "edit/python/inlining.h"
#include "edit/python/transformations.h"

namespace jarvis2::edit::python {
namespace {

struct Field {
  std::string name;
  Node value;          // expression in __init__; null for a parameter of a dataclass
  int parameter = -1;  // the field is this argument as it is
};

struct Record {
  const PythonFunction* init = nullptr;
  std::vector<std::string> parameters;
  std::vector<Node> defaults;
  std::vector<Field> fields;
  bool identity = true;  // every field is a parameter, in order
};

std::optional<Record> dataclass_record(const PythonClass& cls) {
  if (cls.decorators.size() != 1 || cls.methods.count("__init__") != 0 || cls.methods.count("__post_init__") != 0)
    return std::nullopt;
  const std::string_view decorator = cls.decorators[0].named(0).text();
  if (decorator.substr(0, decorator.find('(')) != "dataclass" &&
      decorator.substr(0, decorator.find('(')) != "dataclasses.dataclass")
    return std::nullopt;
  Record record;
  for (const Node statement : statements(cls.body)) {
    if (!statement.is("expression_statement")) continue;
    const Node assignment = statement.named(0);
    if (!assignment.is("assignment") || !assignment.field("type")) continue;
    if (assignment.field("type").text().find("ClassVar") != std::string_view::npos) return std::nullopt;
    const Node value = assignment.field("right");
    if (value && !is_literal(value)) return std::nullopt;
    const std::string name(assignment.field("left").text());
    record.fields.push_back({name, Node(), static_cast<int>(record.parameters.size())});
    record.parameters.push_back(name);
    record.defaults.push_back(value);
  }
  if (record.fields.empty()) return std::nullopt;
  return record;
}

std::optional<Record> record_of(const Context& context, const PythonClass& cls) {
  if (cls.dynamic || cls.has_keywords || cls.defined_twice || cls.nested || cls.methods.count("__del__") != 0)
    return std::nullopt;
  for (const std::string& base : cls.bases) {
    if (base != "object") return std::nullopt;
  }
  if (!cls.decorators.empty()) return dataclass_record(cls);
  const auto found = cls.methods.find("__init__");
  if (found == cls.methods.end()) return std::nullopt;
  Record record;
  record.init = &cls.facts->functions()[found->second];
  const PythonFunction& init = *record.init;
  if (init.parameters.empty() || !init.decorators.empty() || cls.facts != &context.facts) return std::nullopt;
  for (std::size_t i = 1; i < init.parameters.size(); ++i) {
    if (init.parameters[i].kind != code::PythonParameter::Kind::kNormal &&
        init.parameters[i].kind != code::PythonParameter::Kind::kKeywordOnly)
      return std::nullopt;
    record.parameters.push_back(init.parameters[i].name);
    record.defaults.push_back(init.parameters[i].default_value);
  }
  const std::string& self = init.parameters[0].name;
  for (const Node statement : statements(init.body)) {
    if (is_docstring(statement) || statement.is("pass_statement")) continue;
    if (!statement.is("expression_statement") || statement.named_count() != 1) return std::nullopt;
    const Node only = statement.named(0);
    if (only.is("call") && only.text().find("super(") == 0 &&
        only.text().find(").__init__()") != std::string_view::npos)
      continue;
    if (!only.is("assignment") || !only.field("left").is("attribute")) return std::nullopt;
    const Node target = only.field("left");
    const Node value = only.field("right");
    if (target.field("object").text() != self || !value || value.is("assignment")) return std::nullopt;
    const std::string name(target.field("attribute").text());
    if (name.size() > 2 && name[0] == '_' && name[1] == '_') return std::nullopt;
    if (std::any_of(record.fields.begin(), record.fields.end(), [&](const Field& f) { return f.name == name; }))
      return std::nullopt;
    if (contains_kind(value, {"lambda", "yield", "await", "named_expression", "list_comprehension",
                              "generator_expression", "set_comprehension", "dictionary_comprehension"}))
      return std::nullopt;
    Field field{name, value, -1};
    bool uses_self = false;
    code::walk(value, [&](Node node) {
      uses_self |= node.is("identifier") && node.text() == self;
      return true;
    });
    if (uses_self) return std::nullopt;
    if (value.is("identifier")) {
      for (std::size_t i = 0; i < record.parameters.size(); ++i) {
        if (record.parameters[i] == value.text()) field.parameter = static_cast<int>(i);
      }
    }
    record.fields.push_back(field);
  }
  record.identity = record.fields.size() == record.parameters.size();
  for (std::size_t i = 0; i < record.fields.size(); ++i)
    record.identity &= record.fields[i].parameter == static_cast<int>(i);
  return record.fields.empty() ? std::nullopt : std::optional<Record>(record);
}

// One argument node a parameter; null where a literal default stands.
std::optional<std::vector<Node>> arguments_of(const Record& record, Node call) {
  std::vector<Node> slots(record.parameters.size());
  std::size_t next = 0;
  if (!call.field("arguments").is("argument_list")) return std::nullopt;
  for (const Node node : call.field("arguments").children()) {
    if (node.is("list_splat") || node.is("dictionary_splat")) return std::nullopt;
    std::size_t at = next++;
    Node value = node;
    if (node.is("keyword_argument")) {
      --next;
      value = node.field("value");
      at = 0;
      while (at < slots.size() && record.parameters[at] != node.field("name").text()) ++at;
    }
    if (at >= slots.size() || slots[at]) return std::nullopt;
    slots[at] = value;
  }
  for (std::size_t i = 0; i < slots.size(); ++i) {
    if (!slots[i] && (!record.defaults[i] || !is_literal(record.defaults[i]))) return std::nullopt;
    if (!slots[i]) slots[i] = record.defaults[i];
  }
  return slots;
}

struct Store {
  Node statement;
  std::vector<Node> values;  // arguments, or the tuple's elements
};

bool mentions(const PythonFacts& facts, Node expression, const PythonBinding& binding) {
  bool found = false;
  code::walk(expression, [&](Node node) {
    found |= node.is("identifier") && facts.resolve(node) == &binding;
    return !found;
  });
  return found;
}

void replace_object(Context& context, int scope, const PythonBinding& binding) {
  const PythonFacts& facts = context.facts;
  const PythonClass* cls = nullptr;
  std::optional<Record> record;
  std::vector<Store> stores;
  for (const Node target : binding.stores) {
    const Node assignment = facts.parent(target);
    if (!assignment.is("assignment") || !(assignment.field("left") == target)) return;
    const Node statement = facts.parent(assignment);
    const Node value = assignment.field("right");
    if (!statement.is("expression_statement") || !alone_on_lines(statement) || !value.is("call")) return;
    const PythonClass* made = context.world->resolve_constructor(facts, value);
    if (made == nullptr || (cls != nullptr && made != cls)) return;
    if (cls == nullptr) record = record_of(context, *made);
    cls = made;
    if (!record) return;
    const std::optional<std::vector<Node>> values = arguments_of(*record, value);
    if (!values) return;
    stores.push_back({statement, *values});
  }
  if (cls == nullptr) return;
  NameSet loaded;
  std::vector<Node> field_uses;
  std::vector<Node> returns;
  for (const Node load : binding.loads) {
    const Node up = facts.parent(load);
    if (up.is("attribute") && up.field("object") == load) {
      const std::string name(up.field("attribute").text());
      if (std::none_of(record->fields.begin(), record->fields.end(), [&](const Field& f) { return f.name == name; }))
        return;
      if (facts.parent(up).is("delete_statement") || facts.frame_of(load) != scope) return;
      if (!code::PythonFacts::is_assignment_target(facts, up)) loaded.insert(name);
      field_uses.push_back(up);
    } else if (up.is("return_statement") && record->identity) {
      returns.push_back(load);
      for (const Field& field : record->fields) loaded.insert(field.name);
    } else {
      return;
    }
  }
  if (field_uses.empty()) return;
  // Returned as it was made: nothing is saved.
  if (!returns.empty() && field_uses.size() < 2) return;
  NameSet taken;
  std::map<std::string, std::string> names;
  for (const Field& field : record->fields) {
    std::string stem = field.name;
    while (!stem.empty() && stem[0] == '_') stem.erase(0, 1);
    names[field.name] = fresh_name(facts, binding.name + "_" + stem, taken);
  }
  Edits uses;
  for (const Node use : field_uses) uses.replace(use, names[std::string(use.field("attribute").text())]);
  Edits edits = uses;
  const std::string_view source = context.source();
  const std::string ending = line_end(context.tree());
  for (const Node load : returns) {
    std::string text = std::string(cls->name) + "(";
    for (std::size_t i = 0; i < record->fields.size(); ++i)
      text += (i == 0 ? "" : ", ") + names[record->fields[i].name];
    edits.replace(load, text + ")");
    if (facts.lookup(scope, cls->name) != facts.lookup(0, cls->name)) return;
  }
  Edits outer;
  for (const Store& store : stores) {
    const std::optional<std::string> indent = indentation(store.statement);
    if (!indent) return;
    std::vector<std::string> texts;
    bool self_reading = false;
    for (const Node value : store.values) {
      const bool own = facts.tree().root().range().contains(value.range());
      std::optional<std::string> text = on_one_line(own ? source : value.tree().text(), value, own ? uses : Edits());
      if (!text) return;
      texts.push_back(*text);
      self_reading |= mentions(facts, value, binding);
    }
    std::string out;
    const auto line = [&](const std::string& text) { out += (out.empty() ? "" : ending + *indent) + text; };
    if (record->identity) {
      if (self_reading && record->fields.size() > 1) {
        std::string left;
        std::string right;
        for (std::size_t i = 0; i < record->fields.size(); ++i) {
          left += (i == 0 ? "" : ", ") + names[record->fields[i].name];
          right += (i == 0 ? "" : ", ") + texts[i];
        }
        line(left + " = " + right);
      } else {
        for (std::size_t i = 0; i < record->fields.size(); ++i) {
          const bool dead = loaded.count(record->fields[i].name) == 0 && context.world->pure(facts, store.values[i]);
          if (!dead) line(names[record->fields[i].name] + " = " + texts[i]);
        }
      }
    } else {
      if (self_reading) return;
      // Arguments first, in order; then the constructor's statements with parameters replaced.
      std::map<std::string, std::string> given;
      for (std::size_t i = 0; i < texts.size(); ++i) {
        if (is_simple(facts, store.values[i])) {
          given[record->parameters[i]] = parenthesised(store.values[i], texts[i]);
          continue;
        }
        const auto direct = std::find_if(record->fields.begin(), record->fields.end(),
                                         [&](const Field& f) { return f.parameter == static_cast<int>(i); });
        const std::string name = direct != record->fields.end()
                                     ? names[direct->name]
                                     : fresh_name(facts, binding.name + "_" + record->parameters[i], taken);
        line(name + " = " + texts[i]);
        given[record->parameters[i]] = name;
      }
      for (const Field& field : record->fields) {
        Edits renames;
        bool clash = false;
        code::walk(field.value, [&](Node node) {
          if (!node.is("identifier") || !facts.is_variable(node)) return true;
          const auto value = given.find(std::string(node.text()));
          if (value != given.end()) {
            renames.replace(node, value->second);
          } else {
            int holder = -1;
            facts.resolve(node, &holder);
            clash |= holder > 0 || facts.lookup(scope, node.text()) != facts.lookup(0, node.text());
          }
          return true;
        });
        if (clash) return;
        const std::optional<std::string> text = on_one_line(source, field.value, renames);
        if (!text) return;
        if (*text != names[field.name]) line(names[field.name] + " = " + *text);
      }
    }
    if (out.empty()) out = "pass";
    outer.replace(store.statement, out);
  }
  // Field uses inside replaced statements are already in their text.
  Edits all = outer;
  for (const Change& change : edits.changes("")) {
    if (!outer.overlaps(change.range)) all.replace(change.range, change.text);
  }
  context.propose("replace the object " + binding.name + " (" + cls->name + ") by its fields in " +
                      facts.symbol_of(stores[0].statement),
                  "relies on: " + binding.name + " is always a fresh " + cls->name +
                      ", is used through its fields only and never leaves the function",
                  stores[0].statement, all);
}

std::optional<long> constant_index(Node subscript) {
  if (subscript.named_count() != 2 || !subscript.named(1).is("integer")) return std::nullopt;
  const std::string text(subscript.named(1).text());
  if (text.size() > 2 || text.find_first_not_of("0123456789") != std::string::npos) return std::nullopt;
  return std::stol(text);
}

void replace_tuple(Context& context, int scope, const PythonBinding& binding) {
  const PythonFacts& facts = context.facts;
  std::vector<Store> stores;
  std::size_t size = 0;
  for (const Node target : binding.stores) {
    const Node assignment = facts.parent(target);
    if (!assignment.is("assignment") || !(assignment.field("left") == target) || assignment.field("type")) return;
    const Node statement = facts.parent(assignment);
    const Node value = assignment.field("right");
    if (!statement.is("expression_statement") || !alone_on_lines(statement)) return;
    if (!value.is("tuple") && !value.is("expression_list")) return;
    const std::vector<Node> values = value.children();
    if (values.empty() || (size != 0 && values.size() != size)) return;
    for (const Node element : values) {
      if (element.is("list_splat") || mentions(facts, element, binding)) return;
    }
    size = values.size();
    stores.push_back({statement, values});
  }
  if (stores.empty() || size > 8) return;
  std::vector<std::pair<Node, long>> indexed;
  std::vector<Node> unpacked;  // assignment nodes
  for (const Node load : binding.loads) {
    const Node up = facts.parent(load);
    if (facts.frame_of(load) != scope) return;
    if (up.is("subscript") && up.field("value") == load) {
      const std::optional<long> index = constant_index(up);
      if (!index || *index >= static_cast<long>(size) || code::PythonFacts::is_assignment_target(facts, up)) return;
      indexed.emplace_back(up, *index);
    } else if (up.is("assignment") && up.field("right") == load && up.field("left").is("pattern_list") &&
               up.field("left").children().size() == size && facts.parent(up).is("expression_statement")) {
      for (const Node target : up.field("left").children()) {
        if (!target.is("identifier")) return;
      }
      unpacked.push_back(up);
    } else {
      return;
    }
  }
  if (indexed.empty() && unpacked.empty()) return;
  NameSet taken;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < size; ++i)
    names.push_back(fresh_name(facts, binding.name + "_" + std::to_string(i), taken));
  Edits uses;
  for (const auto& [node, index] : indexed) uses.replace(node, names[static_cast<std::size_t>(index)]);
  std::string list;
  for (std::size_t i = 0; i < size; ++i) list += (i == 0 ? "" : ", ") + names[i];
  if (size == 1) list += ",";
  for (const Node assignment : unpacked) uses.replace(assignment.field("right"), list);
  Edits outer;
  for (const Store& store : stores) {
    const std::optional<std::string> indent = indentation(store.statement);
    std::string out;
    for (std::size_t i = 0; i < size; ++i) {
      const std::optional<std::string> text = on_one_line(context.source(), store.values[i], {});
      if (!text || !indent) return;
      out += (i == 0 ? "" : line_end(context.tree()) + *indent) + names[i] + " = " + *text;
    }
    outer.replace(store.statement, out);
  }
  Edits all = outer;
  for (const Change& change : uses.changes("")) {
    if (outer.overlaps(change.range)) return;
    all.replace(change.range, change.text);
  }
  context.propose("replace the tuple " + binding.name + " by its elements in " + facts.symbol_of(stores[0].statement),
                  "relies on: " + binding.name + " is always a tuple of " + std::to_string(size) +
                      " and only its elements are used",
                  stores[0].statement, all);
}

void find_scalar_replace(Context& context) {
  const PythonFacts& facts = context.facts;
  for (std::size_t s = 0; s < facts.scopes().size(); ++s) {
    const code::PythonScope& scope = facts.scopes()[s];
    if (scope.kind != PythonScopeKind::kFunction || scope.dynamic || !context.wanted(scope.node)) continue;
    for (const auto& [name, binding] : scope.bindings) {
      if (binding.parameter || binding.captured || binding.declared_outer || binding.written_from_outside ||
          binding.deleted || binding.stores.empty() || binding.loads.empty())
        continue;
      const Node value = facts.parent(binding.stores[0]).field("right");
      if (value.is("call")) {
        replace_object(context, static_cast<int>(s), binding);
      } else if (value.is("tuple") || value.is("expression_list")) {
        replace_tuple(context, static_cast<int>(s), binding);
      }
    }
  }
}

}  // namespace

std::unique_ptr<Transformation> scalar_replace() {
  return make_transformation("python/scalar-replace", Safety::kSafeIfVerified, 1.15, find_scalar_replace);
}

}  // namespace jarvis2::edit::python
