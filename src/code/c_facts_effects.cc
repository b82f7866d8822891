// What code writes and reads, by name; functions of the workspace are summarised bottom-up to a fixed point.
#include <algorithm>
#include <cctype>

#include "code/c_facts.h"
#include "code/c_facts_file.h"

namespace jarvis2::code {
namespace {

bool is_container(const CType& type) {
  static const std::set<std::string> names = {"string",
                                              "vector",
                                              "map",
                                              "set",
                                              "multimap",
                                              "multiset",
                                              "unordered_map",
                                              "unordered_set",
                                              "deque",
                                              "list",
                                              "array",
                                              "string_view",
                                              "queue",
                                              "stack",
                                              "priority_queue",
                                              "pair",
                                              "tuple",
                                              "optional",
                                              "unique_ptr",
                                              "shared_ptr",
                                              "span",
                                              "stringstream",
                                              "ostringstream",
                                              "istringstream",
                                              "ifstream",
                                              "ofstream",
                                              "ostream",
                                              "istream",
                                              "bitset",
                                              "function",
                                              "forward_list",
                                              "unordered_multimap",
                                              "unordered_multiset",
                                              "valarray",
                                              "wstring",
                                              "basic_string",
                                              "mt19937",
                                              "regex",
                                              "smatch",
                                              "any",
                                              "variant"};
  return names.contains(type.name());
}

bool is_map(const CType& type) {
  const std::string name = type.name();
  return name == "map" || name == "unordered_map";
}

bool has_macro(const CFacts& facts, const std::string& name) {
  return std::any_of(facts.files().begin(), facts.files().end(),
                     [&](const std::shared_ptr<const CFile>& file) { return file->macros.contains(name); });
}

void merge(std::set<std::string>& into, const std::set<std::string>& from) {
  into.insert(from.begin(), from.end());
}

void merge(CRegion& into, const CRegion& from) {
  merge(into.names, from.names);
  merge(into.fields, from.fields);
  merge(into.elements, from.elements);
  merge(into.element_types, from.element_types);
  merge(into.read_names, from.read_names);
  merge(into.read_fields, from.read_fields);
  merge(into.read_elements, from.read_elements);
  merge(into.unknown_calls, from.unknown_calls);
  into.world |= from.world;
}

std::size_t weight(const CRegion& region) {
  return region.names.size() + region.fields.size() + region.elements.size() + region.element_types.size() +
         region.read_names.size() + region.read_fields.size() + region.read_elements.size() +
         region.unknown_calls.size() + (region.world ? 1 : 0);
}

// Stands in summaries for "memory that a parameter points to".
constexpr const char* kThroughParameter = "@";

}  // namespace

// Walks code once. With `self`, that function's own values are left out: what remains is what a caller can see.
class CRegionCollector {
 public:
  // Workspace functions whose summaries were asked for.
  std::set<std::string>& used() { return used_; }

  CRegionCollector(const CFacts& facts, CRegion& region, const CFunction* self, Range limits)
      : facts_(facts), region_(region), self_(self), limits_(limits) {}

  void walk(Node node) {
    if (!node) return;
    const std::string_view kind = node.kind();
    if (kind == "ERROR") region_.unknown_calls.insert("?");
    if (kind == "assignment_expression") {
      store(node.field("left"));
    } else if (kind == "update_expression") {
      store(node.field("argument"));
    } else if (kind == "call_expression") {
      call(node);
    } else if (kind == "binary_expression") {
      shift(node);
    } else if (kind == "gnu_asm_expression" || kind == "asm_statement") {
      region_.unknown_calls.insert("asm");
    } else if (kind == "return_statement" || kind == "goto_statement" || kind == "throw_statement" ||
               kind == "co_return_statement" || kind == "co_yield_statement") {
      region_.jumps_out = true;
    } else if (kind == "break_statement" || kind == "continue_statement") {
      jump(node);
    } else if (kind == "new_expression" || kind == "delete_expression") {
      region_.world = true;
      if (kind == "new_expression") constructed(CType(parse_c_type(node.field("type").text())).name());
    } else if (kind == "init_declarator") {
      const Node declaration = node.parent();
      const CType type = parse_c_type(declaration.field("type").text());
      if (node.field("value").is("argument_list")) constructed(type.name());
    } else if (kind == "identifier") {
      read_name(node);
    } else if (kind == "field_expression") {
      read_field(node);
    } else if (kind == "subscript_expression") {
      const Node object = bare(node.field("argument"));
      if (is_map(facts_.type_of(object))) mutate(object);
      read_element(object);
    } else if (kind == "pointer_expression" && node.text().starts_with("*")) {
      read_element(bare(node.field("argument")));
    }
    each_child(node, [this](Node child, std::string_view) {
      if (child.is_named()) walk(child);
    });
  }

 private:
  // A value that lives and dies in `self_`.
  bool own(const CVariable& variable) const {
    if (self_ == nullptr || !variable) return false;
    if (variable.storage != CStorage::kLocal && variable.storage != CStorage::kParameter) return false;
    return self_->node.range().contains(variable.name_node.range());
  }
  static bool indirect(const CVariable& variable) {
    return variable.type.reference || variable.type.pointers > 0 || variable.type.base == "auto" ||
           variable.type.name().ends_with("iterator");
  }

  void jump(Node node) {
    for (Node up = node.parent(); up; up = up.parent()) {
      if (is_loop(up) || (up.is("switch_statement") && node.is("break_statement"))) {
        if (!limits_.contains(up.range()) || up.range() == limits_) {
          if (up.range() != limits_ || node.is("break_statement")) region_.jumps_out |= up.range() != limits_;
        }
        return;
      }
      if (up.is("lambda_expression") || up.is("function_definition")) return;
    }
  }

  void type(Node place) {
    const CType found = facts_.type_of(place);
    region_.element_types.insert(found.known() ? (found.pointers > 0 ? "*" : found.base) : "?");
  }

  // Memory reached from variable `name` changes.
  void element(Node root, Node place) {
    if (!root) {
      region_.elements.insert("?");
      region_.element_types.insert("?");
      return;
    }
    if (root.is("this")) {
      region_.elements.insert("this");
      return;
    }
    const CVariable variable = facts_.resolve(root);
    if (own(variable)) {
      if (!indirect(variable)) return;
      region_.elements.insert(kThroughParameter);
    } else {
      region_.elements.insert(std::string(root.text()));
    }
    type(place);
    alias(variable);
  }

  // A reference or iterator stands for something else: that changes too.
  void alias(const CVariable& variable) {
    if (!variable || !indirect(variable) || ++depth_ > 4) return;
    const Node source =
        variable.declaration.is("for_range_loop") ? variable.declaration.field("right") : variable.value;
    if (source && !source.is("argument_list")) {
      const Node root = root_of(source);
      if (root && !root.is("this")) {
        const CVariable target = facts_.resolve(root);
        if (!own(target)) region_.elements.insert(std::string(root.text()));
        Node object = bare(source);
        if (object.is("pointer_expression")) object = bare(object.field("argument"));
        if (object.is("identifier") && !own(target) && target.type.is_value()) region_.names.insert(target.name);
        if (object.is("field_expression")) region_.fields.insert(std::string(object.field("field").text()));
        alias(target);
      }
    }
    --depth_;
  }

  void store(Node target) {
    const Node place = bare(target);
    const std::string_view kind = place.kind();
    if (kind == "identifier") {
      const CVariable variable = facts_.resolve(place);
      if (own(variable) && !variable.type.reference) return;
      if (!own(variable)) region_.names.insert(std::string(place.text()));
      if (variable.storage == CStorage::kMember) region_.fields.insert(std::string(place.text()));
      if (variable.type.reference) {
        if (own(variable)) region_.elements.insert(kThroughParameter);
        type(place);
        alias(variable);
      }
    } else if (kind == "field_expression") {
      const Node root = root_of(place);
      const CVariable variable = facts_.resolve(root);
      if (own(variable) && !indirect(variable)) return;
      const std::string field(place.field("field").text());
      region_.fields.insert(field);
      if (bare(place.field("argument")).is("this")) region_.names.insert(field);
      if (root && !root.is("this")) {
        region_.elements.insert(own(variable) ? kThroughParameter : std::string(root.text()));
        alias(variable);
      }
    } else if (kind == "subscript_expression" || kind == "pointer_expression") {
      const Node object = bare(place.field("argument"));
      if (object.is("field_expression")) {
        const CVariable root = facts_.resolve(root_of(object));
        if (!own(root) || indirect(root)) region_.elements.insert(std::string(object.field("field").text()));
      }
      element(root_of(place), place);
    } else if (kind == "conditional_expression") {
      store(place.field("consequence"));
      store(place.field("alternative"));
    } else if (kind == "comma_expression" || kind == "assignment_expression") {
      store(place.field(kind == "comma_expression" ? "right" : "left"));
    } else if (kind == "call_expression") {
      element(root_of(place), place);
    } else if (kind == "cast_expression") {
      store(place.field("value"));
    } else if (kind == "update_expression") {
      store(place.field("argument"));
    } else {
      region_.elements.insert("?");
      region_.element_types.insert("?");
    }
  }

  // The object itself changes (a method, a non-const reference).
  void mutate(Node object) {
    const Node place = bare(object);
    const Node root = root_of(place);
    if (!root) {
      region_.elements.insert("?");
      return;
    }
    const CVariable variable = facts_.resolve(root);
    if (place.is("identifier")) {
      if (own(variable) && !indirect(variable)) return;
      if (own(variable)) {
        region_.elements.insert(kThroughParameter);
      } else {
        region_.names.insert(variable.name.empty() ? std::string(place.text()) : variable.name);
      }
      if (variable.storage == CStorage::kMember) region_.fields.insert(variable.name);
      alias(variable);
      return;
    }
    if (own(variable) && !indirect(variable)) return;
    if (place.is("field_expression")) {
      region_.fields.insert(std::string(place.field("field").text()));
      if (bare(place.field("argument")).is("this")) region_.names.insert(std::string(place.field("field").text()));
    }
    if (!root.is("this")) {
      region_.elements.insert(own(variable) ? kThroughParameter : std::string(root.text()));
      if (place.is("call_expression") && !own(variable)) region_.names.insert(std::string(root.text()));
      alias(variable);
    }
  }

  // An argument that the callee may write through.
  void argument(Node value, bool by_reference) {
    Node place = bare(value);
    if (place.is("pointer_expression") && place.text().starts_with("&")) {
      mutate(place.field("argument"));
      store_through(place.field("argument"));
      return;
    }
    if (place.is("lambda_expression")) return;
    const CType type = facts_.type_of(place);
    const bool lvalue = place.is("identifier") || place.is("field_expression") || place.is("subscript_expression") ||
                        place.is("pointer_expression") || (place.is("call_expression") && type.reference);
    if (!lvalue || place.tree().language() == Language::kC) by_reference = false;
    if (!lvalue && type.known() && type.pointers == 0 && !type.name().ends_with("iterator")) return;
    if (CFacts::is_integer(type) || CFacts::is_floating(type)) {
      if (by_reference) store(place);
      return;
    }
    if (place.is("string_literal") || place.is("number_literal") || place.is("null") || place.is("nullptr") ||
        place.is("char_literal") || place.is("binary_expression")) {
      if (!place.is("binary_expression")) return;
    }
    if (type.pointers > 0 && type.is_const && type.pointers == 1 && !by_reference) return;
    if (by_reference) mutate(place);
    store_through(place);
  }

  void store_through(Node place) {
    const Node root = root_of(place);
    if (!root || root.is("this")) return;
    if (bare(place).is("field_expression")) {
      const CVariable variable = facts_.resolve(root);
      if (!own(variable) || indirect(variable)) region_.elements.insert(std::string(bare(place).field("field").text()));
    }
    element(root, bare(place).is("identifier") ? Node() : place);
    const CType type = facts_.type_of(place);
    if (type.known()) region_.element_types.insert(type.base);
  }

  void constructed(const std::string& name) {
    if (facts_.record(name) == nullptr) return;
    used_.insert(name);
    const auto found = facts_.regions_.find(name);
    if (found != facts_.regions_.end()) merge(region_, found->second);
  }

  void shift(Node node) {
    const std::string_view op = node.field("operator").text();
    if (op != "<<" && op != ">>") return;
    Node left = bare(node.field("left"));
    while (left.is("binary_expression")) left = bare(left.field("left"));
    const CType type = facts_.type_of(left);
    if (CFacts::is_integer(type) || left.is("number_literal") || left.is("char_literal")) return;
    if (node.tree().language() == Language::kC) return;
    if (!type.known() && !left.is("identifier") && !left.is("qualified_identifier") && !left.is("field_expression")) {
      return;
    }
    if (!type.known()) {
      const std::string_view text = left.text();
      const bool stream = text.find("cout") != std::string_view::npos || text.find("cin") != std::string_view::npos ||
                          text.find("cerr") != std::string_view::npos || text.find("out") != std::string_view::npos ||
                          text.find("os") != std::string_view::npos || text.find("str") != std::string_view::npos ||
                          text.find("in") != std::string_view::npos || text.find("file") != std::string_view::npos;
      if (!stream) return;
    }
    region_.world = true;
    mutate(left);
    if (op == ">>") store(node.field("right"));
  }

  void call(Node node) {
    const std::string name = callee_name(node);
    const Node receiver = call_receiver(node);
    const std::vector<Node> arguments = call_arguments(node);
    if (name.empty()) {
      region_.unknown_calls.insert("?");
      for (const Node& value : arguments) argument(value, true);
      return;
    }
    if (name.ends_with("_cast") || name == "sizeof" || name == "defined") return;
    const std::vector<const CFunction*>& known = facts_.functions(name);
    const CType object = receiver ? facts_.type_of(receiver) : CType();
    const bool library_object = receiver && is_container(object);
    if (!known.empty() && !library_object && !node.text().starts_with("std::")) {
      used_.insert(name);
      const auto summary = facts_.regions_.find(name);
      if (summary != facts_.regions_.end()) {
        const bool through = summary->second.elements.contains(kThroughParameter);
        if (merged_.insert(name).second) {
          const bool had = region_.elements.contains(kThroughParameter);
          merge(region_, summary->second);
          if (through && !had) region_.elements.erase(kThroughParameter);
        }
        for (std::size_t i = 0; i < arguments.size(); ++i) {
          bool by_reference = false;
          bool constant = false;
          for (const CFunction* function : known) {
            if (i >= function->parameters.size()) continue;
            const CType& parameter = function->parameters[i].type;
            by_reference |= parameter.reference && !parameter.is_const;
            constant |= parameter.is_const || (parameter.is_value() && !parameter.function);
          }
          if (through && !constant) argument(arguments[i], by_reference);
        }
      }
      if (receiver) {
        const bool constant =
            std::all_of(known.begin(), known.end(), [](const CFunction* function) { return function->is_const; });
        if (!constant && summary != facts_.regions_.end() && summary->second.writes()) {
          const Node root = root_of(receiver);
          if (root && !root.is("this")) {
            const CVariable variable = facts_.resolve(root);
            if (!own(variable) || indirect(variable)) {
              region_.elements.insert(own(variable) ? kThroughParameter : std::string(root.text()));
              alias(variable);
            }
          }
        }
        if (std::any_of(known.begin(), known.end(), [](const CFunction* f) { return f->is_virtual; })) {
          region_.unknown_calls.insert(name);
        }
      }
      return;
    }
    if (receiver) {
      const CRecord* record = facts_.record(object.name());
      const bool constant = record != nullptr ? record->const_methods.contains(name) : is_const_library_method(name);
      if (record != nullptr) {
        region_.unknown_calls.insert(name);
      } else if (!library_effect(name)) {
        region_.unknown_calls.insert(name);
      } else if (!constant && !is_memory_only(name)) {
        region_.world = true;
      }
      if (!constant) {
        mutate(receiver);
        for (const Node& value : arguments) {
          if (!library_effect(name)) argument(value, true);
        }
      } else {
        read_element(receiver);
      }
      if (name == "swap" || name == "splice" || name == "merge") {
        for (const Node& value : arguments) argument(value, true);
      }
      return;
    }
    const CVariable callee = facts_.resolve(function_name(node));
    if (callee && callee.value.is("lambda_expression")) {
      if (!limits_.contains(callee.value.range())) walk(callee.value.field("body"));
      return;
    }
    const std::optional<CEffect> library = callee ? std::nullopt : library_effect(name);
    if (library && !has_macro(facts_, name)) {
      if (*library != CEffect::kWrites) {
        if (*library == CEffect::kReads) {
          for (const Node& value : arguments) read_element(bare(value));
        }
        return;
      }
      if (!is_memory_only(name)) region_.world = true;
      const bool by_reference =
          name == "swap" || name == "getline" || name == "exchange" || name == "advance" || name == "scanf";
      for (const Node& value : arguments) argument(value, by_reference);
      return;
    }
    if (facts_.record(name) != nullptr) return constructed(name);
    const Node function = node.field("function");
    if (function.is("template_function") || function.is("primitive_type")) {
      // std::vector<int>(n), double(x): a value is made.
      const std::string_view text = function.text();
      if (function.is("primitive_type") || is_container(parse_c_type(text))) return;
    }
    if (is_container(parse_c_type(function.text()))) return;
    region_.unknown_calls.insert(name);
    for (const Node& value : arguments) argument(value, true);
  }

  static Node function_name(Node call) {
    const Node function = call.field("function");
    return function.is("identifier") ? function : Node();
  }

  void read_name(Node identifier) {
    const Node parent = identifier.parent();
    if (parent.is("call_expression") && parent.field("function") == identifier) return;
    const CVariable variable = facts_.resolve(identifier);
    if (own(variable)) return;
    if (!variable) {
      // A macro without parentheses may do anything.
      for (const std::shared_ptr<const CFile>& file : facts_.files()) {
        const auto macro = file->macros.find(std::string(identifier.text()));
        if (macro != file->macros.end() &&
            (macro->second.find_first_of("=(;{") != std::string::npos ||
             macro->second.find("++") != std::string::npos || macro->second.find("--") != std::string::npos) &&
            !std::isdigit(static_cast<unsigned char>(macro->second.find_first_not_of("( ") == std::string::npos
                                                         ? ' '
                                                         : macro->second[macro->second.find_first_not_of("( ")]))) {
          region_.unknown_calls.insert(macro->first);
        }
      }
    }
    if (variable.storage == CStorage::kGlobal && (variable.type.is_const || variable.is_constexpr) &&
        variable.type.pointers == 0) {
      return;
    }
    region_.read_names.insert(std::string(identifier.text()));
    if (variable.storage == CStorage::kMember) region_.read_fields.insert(variable.name);
  }

  void read_field(Node access) {
    const Node parent = access.parent();
    if (parent.is("call_expression") && parent.field("function") == access) return;
    const CVariable root = facts_.resolve(root_of(access));
    if (own(root) && !indirect(root)) return;
    region_.read_fields.insert(std::string(access.field("field").text()));
  }

  void read_element(Node object) {
    const Node root = root_of(object);
    if (!root || root.is("this")) return;
    const CVariable variable = facts_.resolve(root);
    if (own(variable)) {
      if (indirect(variable)) region_.read_elements.insert(kThroughParameter);
      return;
    }
    const CType type = facts_.type_of(object);
    if (CFacts::is_integer(type) || CFacts::is_floating(type)) return;
    region_.read_elements.insert(std::string(root.text()));
  }

  const CFacts& facts_;
  CRegion& region_;
  const CFunction* self_;
  Range limits_;
  int depth_ = 0;
  std::set<std::string> used_;
  std::set<std::string> merged_;  // callees whose summaries are in the region
};

namespace {

// Beyond this many names a summary says little more than "anything", and copying it into every caller costs.
constexpr std::size_t kFarReaching = 300;

void collapse(CRegion& region) {
  const bool jumps_out = region.jumps_out;
  region = CRegion();
  region.elements = {"?", kThroughParameter};
  region.element_types = {"?"};
  region.unknown_calls = {"?"};
  region.world = true;
  region.jumps_out = jumps_out;
}

// Names of the workspace's functions, callees before callers as far as there are no cycles.
std::vector<std::string> bottom_up(const std::map<std::string, std::vector<const CFunction*>, std::less<>>& functions) {
  struct Frame {
    std::string name;
    std::vector<std::string> callees;
    std::size_t next = 0;
  };
  std::vector<std::string> order;
  std::set<std::string> seen;
  const auto frame_of = [&](const std::string& name) {
    Frame frame{name, {}, 0};
    for (const CFunction* function : functions.find(name)->second) {
      for (const Node& call : descendants(function->node, {"call_expression"})) {
        std::string callee = callee_name(call);
        if (functions.contains(callee)) frame.callees.push_back(std::move(callee));
      }
    }
    return frame;
  };
  for (const auto& [name, definitions] : functions) {
    if (!seen.insert(name).second) continue;
    std::vector<Frame> stack;
    stack.push_back(frame_of(name));
    while (!stack.empty()) {
      Frame& top = stack.back();
      if (top.next < top.callees.size()) {
        const std::string& callee = top.callees[top.next++];
        if (seen.insert(callee).second) stack.push_back(frame_of(callee));
      } else {
        order.push_back(std::move(top.name));
        stack.pop_back();
      }
    }
  }
  return order;
}

}  // namespace

void CFacts::build_summaries() {
  memo_ = std::make_shared<Memo>();
  // A summary is made again when one that it used has grown. Every set only grows, so it ends; what has not after a few
  // rounds counts as unknown.
  const std::vector<std::string> order = bottom_up(functions_);
  std::map<std::string, std::set<std::string>> users;  // callee → callers
  std::set<std::string> collapsed;
  std::set<std::string> stale(order.begin(), order.end());
  for (int round = 0; !stale.empty(); ++round) {
    for (const std::string& name : order) {
      if (stale.erase(name) == 0 || collapsed.contains(name)) continue;
      CRegion summary;
      std::set<std::string> used;
      for (const CFunction* function : functions_[name]) {
        CRegionCollector collector(*this, summary, function, function->node.range());
        for (const Node& child : named_children(function->node)) {
          if (child == function->body || child.is("field_initializer_list") || child.is("try_statement")) {
            collector.walk(child);
          }
        }
        if (!function->body) summary.unknown_calls.insert("?");
        used.merge(collector.used());
      }
      for (const std::string& callee : used) users[callee].insert(name);
      CRegion& known = regions_[name];
      const std::size_t before = weight(known);
      if (weight(summary) > kFarReaching || round > 6) {
        collapse(summary);
        collapsed.insert(name);
      } else if (weight(summary) <= before) {
        continue;
      }
      known = std::move(summary);
      for (const std::string& user : users[name]) stale.insert(user);
    }
  }
}

const CRegion* CFacts::called(std::string_view name) const {
  const auto found = regions_.find(name);
  return found == regions_.end() ? nullptr : &found->second;
}

const CRegion& CFacts::region(Node code) const {
  static const CRegion nothing;
  if (!code) return nothing;
  const std::pair<const void*, const void*> key{&code.tree(), code.id()};
  {
    const std::lock_guard<std::mutex> lock(memo_->mutex);
    const auto found = memo_->regions.find(key);
    if (found != memo_->regions.end()) return *found->second;
  }
  std::unique_ptr<CRegion> region = std::make_unique<CRegion>();
  CRegionCollector(*this, *region, nullptr, code.range()).walk(code);
  const std::lock_guard<std::mutex> lock(memo_->mutex);
  return *memo_->regions.try_emplace(key, std::move(region)).first->second;
}

namespace {

CEffect effect_of_region(const CRegion& region) {
  if (region.writes()) return CEffect::kWrites;
  return region.read_fields.empty() && region.read_elements.empty() && region.read_names.empty() ? CEffect::kPure
                                                                                                 : CEffect::kReads;
}

}  // namespace

CEffect CFacts::effect(Node code) const {
  const CRegion& found = region(code);
  if (found.writes()) return CEffect::kWrites;
  if (!found.read_fields.empty() || !found.read_elements.empty()) return CEffect::kReads;
  for (const Node& name : descendants(code, {"identifier"})) {
    const CVariable variable = resolve(name);
    if (!variable) continue;
    if (variable.storage == CStorage::kGlobal || variable.storage == CStorage::kMember ||
        variable.storage == CStorage::kStaticLocal || variable.type.reference) {
      if (!variable.type.is_const || variable.type.pointers > 0) return CEffect::kReads;
    }
  }
  return CEffect::kPure;
}

CEffect CFacts::call_effect(Node call) const {
  const std::string name = callee_name(call);
  const Node receiver = call_receiver(call);
  const bool library_object = receiver && is_container(type_of(receiver));
  if (!functions(name).empty() && !library_object) {
    for (const CFunction* function : functions(name)) {
      if (function->is_virtual) return CEffect::kWrites;
    }
    const auto found = regions_.find(name);
    return found == regions_.end() ? CEffect::kWrites : effect_of_region(found->second);
  }
  if (name.ends_with("_cast")) return CEffect::kPure;
  if (has_macro(*this, name)) return CEffect::kWrites;
  if (receiver) {
    const CRecord* owner = record(type_of(receiver).name());
    if (owner != nullptr) return CEffect::kWrites;
    return is_const_library_method(name) ? CEffect::kReads : CEffect::kWrites;
  }
  return library_effect(name).value_or(CEffect::kWrites);
}

}  // namespace jarvis2::code
