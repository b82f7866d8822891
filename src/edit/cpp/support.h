// What the C and C++ transformations share: finding sites, writing changes that keep the layout, last checks.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "code/c_facts.h"
#include "edit/transformation.h"

namespace jarvis2::edit::cpp {

using code::CEffect;
using code::CFacts;
using code::CFile;
using code::CFunction;
using code::CInvariance;
using code::CRecord;
using code::CRegion;
using code::CStorage;
using code::CType;
using code::CUse;
using code::CUseOf;
using code::CVariable;
using code::Language;
using code::Node;
using code::Range;

struct Spec {
  std::string name;  // "cpp/reserve"; "c/..." where it holds for both languages
  Language language = Language::kCpp;
  double prior_ratio =
      1.0;  // what it is expected to give on the enclosing hot code; MEASURED.md says which were measured
  Safety safety = Safety::kSafeIfVerified;
};

// One call of propose(): the file looked at and the facts of its workspace.
class Context {
 public:
  Context(const Spec& spec, const code::Workspace& all, const code::SourceFile& source, const CFile& known,
          std::shared_ptr<const CFacts> of_all, const std::vector<Range>& ranges, std::vector<Proposal>& out)
      : workspace(all),
        file(source),
        info(known),
        facts(*of_all),
        spec_(spec),
        ranges_(ranges),
        out_(out),
        keep_(std::move(of_all)) {}

  const code::Workspace& workspace;
  const code::SourceFile& file;
  const CFile& info;
  const CFacts& facts;

  bool cpp() const { return info.tree->language() == Language::kCpp; }
  bool wanted(Range range) const;
  // Nodes of these kinds that overlap what is looked at, without those inside ERROR nodes.
  std::vector<Node> nodes(std::initializer_list<std::string_view> kinds) const;
  // Where to report a change to the function: itself when it is looked at, else a call of it that is; nullopt: neither.
  std::optional<Range> site_of(const CFunction& function) const;
  // The same for a variable: its declaration or a use.
  std::optional<Range> site_of(const CVariable& variable) const;
  // A name that no file of the workspace uses yet: "base", "base2", ...
  std::string fresh(const std::string& base) const;
  // A name for a local that holds `expression` in `scope`: its words, told apart from those that other changes to the
  // same function would make.
  std::string name_for(Node expression, Node scope, const std::string& prefix = {},
                       const std::string& suffix = {}) const;
  Proposal draft(Range site, std::string title, std::string note = {}) const;
  // Hands a proposal out unless it overlaps itself, touches a file that may not be edited, lies in code that the parser
  // did not understand, or makes new parse errors.
  void emit(Proposal proposal) const;

 private:
  const Spec& spec_;
  const std::vector<Range>& ranges_;
  std::vector<Proposal>& out_;
  std::shared_ptr<const CFacts> keep_;
};

using Finder = std::function<void(const Context&)>;
std::unique_ptr<Transformation> make(Spec spec, Finder find);

// The file a node belongs to.
std::string path_of(const Context& context, Node node);
void replace(const Context& context, Proposal& proposal, Node node, std::string text);
void replace(Proposal& proposal, const std::string& path, Range range, std::string text);
// Adds `#include <name>` to the file after its last top-level include, unless it is there.
void add_include(const Context& context, Proposal& proposal, const std::string& path, const std::string& name);
// Puts a line with `text` before a statement; braces are added where a second statement does not fit (a loop's single
// statement, a case label). The statement must not be a declaration where braces would be needed: false then.
bool put_before(const Context& context, Proposal& proposal, Node statement, const std::string& text);
// The same after it.
bool put_after(const Context& context, Proposal& proposal, Node statement, const std::string& text);
// Both, with one pair of braces.
bool put_around(const Context& context, Proposal& proposal, Node statement, const std::string& before,
                const std::string& after);
// White space at the begin of the node's line.
std::string indent_of(Node node);
std::string line_end(const Context& context);
// The statement (child of a block or of a control statement) that holds the expression.
Node statement_of(Node node);
// The outermost loop in which `holds(loop)`, starting at `loop` and going up without a gap.
Node outermost(Node loop, const std::function<bool(Node)>& holds);
// "x" for x, "(a + b)" for a + b.
std::string in_parens(Node expression);
std::string spelled(Node node);
bool is_literal_number(Node node);
std::optional<long long> integer_value(const CFacts& facts, Node node);
bool inside_lambda(Node node, Node within);
// A for statement in its usual form: `for (T i = a; i < b; ++i)`, i changed nowhere else.
struct CountedLoop {
  Node loop;
  CVariable variable;
  Node begin, bound;
  std::string op;  // "<", "<=", "!=", ">", ">="
  long long step = 1;
  bool declared = false;  // in the loop itself
};
std::optional<CountedLoop> counted(const CFacts& facts, Node loop);
// The statements of a loop's body: those of its block, or the single one.
std::vector<Node> body_statements(Node loop);
// break, continue, return, goto, throw, co_await that leave or skip in the loop.
bool has_jumps(Node loop, bool count_continue = true);
// The declaration (not definition) of a function's declarators in all files, and its definitions.
std::vector<Node> declarators_of(const CFacts& facts, const CFunction& function);
// Nothing but direct calls uses the function's name: no address is taken, nothing overrides it.
bool only_called(const CFacts& facts, const CFunction& function);

}  // namespace jarvis2::edit::cpp
