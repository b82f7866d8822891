#include "code/pattern.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "code/pattern_rule.h"

namespace jarvis2::code {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

struct Found {
  std::string text;
  std::map<std::string, std::string> captures;
};

std::vector<Found> matches(Language language, const std::string& pattern, const std::string& source,
                           const std::string& context = "", const std::string& selector = "") {
  NodeRule rule;
  rule.pattern = Pattern::compile(language, pattern, context, selector);
  const FlatTree tree(Tree::parse(language, source));
  std::vector<Found> found;
  for (const RuleMatch& match : find_all(rule, tree)) {
    const auto slice = [&](Index first, Index last) {
      return tree.tree().text().substr(tree[first].begin_byte, tree[last].end_byte - tree[first].begin_byte);
    };
    Found one{slice(match.span.first, match.span.last), {}};
    for (const auto& [name, nodes] : match.captures.all()) {
      one.captures[name] = nodes.empty() ? "" : slice(nodes.front(), nodes.back());
    }
    found.push_back(std::move(one));
  }
  return found;
}

std::vector<std::string> texts(Language language, const std::string& pattern, const std::string& source) {
  std::vector<std::string> result;
  for (const Found& found : matches(language, pattern, source)) result.push_back(found.text);
  return result;
}

std::vector<std::string> python(const std::string& pattern, const std::string& source) {
  return texts(Language::kPython, pattern, source);
}
std::vector<std::string> c(const std::string& pattern, const std::string& source) {
  return texts(Language::kC, pattern, source);
}
std::vector<std::string> cpp(const std::string& pattern, const std::string& source) {
  return texts(Language::kCpp, pattern, source);
}

TEST(Pattern, SameNameMeansSameCode) {
  EXPECT_THAT(python("$X + $X", "a + a\na + b\nf(x, y) + f( x, (y) )\n"),
              ElementsAre("a + a", "f(x, y) + f( x, (y) )"));
}

TEST(Pattern, AnonymousVariablesDiffer) {
  EXPECT_THAT(python("$_ + $_", "a + b\n"), ElementsAre("a + b"));
}

TEST(Pattern, CommentsParenthesesCommasAndQuotesDoNotMatter) {
  EXPECT_THAT(python("f($X, 'k')", "f(\n  (a),  # why\n  \"k\",\n)\n"), testing::SizeIs(1));
  EXPECT_THAT(python("f($X, 'k')", "f(a, b'k')\nf(a, 'l')\n"), IsEmpty());
}

TEST(Pattern, ArgumentsAreTakenAsFewAsWillDo) {
  const std::vector<Found> found = matches(Language::kPython, "f($$$A, $LAST)", "f(1, 2, 3)\n");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].captures.at("A"), "1, 2");
  EXPECT_EQ(found[0].captures.at("LAST"), "3");
  EXPECT_THAT(python("f($X, $$$)", "f(1)\nf()\n"), ElementsAre("f(1)"));
}

TEST(Pattern, OneArgumentIsNoKeywordAndNoSplat) {
  EXPECT_THAT(python("f($X)", "f(k=1)\nf(*a)\nf(**k)\nf(a)\n"), ElementsAre("f(a)"));
}

TEST(Pattern, OperatorsAndElseBranchesCount) {
  EXPECT_THAT(python("$A < $B", "a < b\na <= b\na < b < c\n"), ElementsAre("a < b"));
  EXPECT_THAT(python("for $X in $XS:\n    $$$BODY", "for a in b:\n    c\nelse:\n    d\n"), IsEmpty());
}

TEST(Pattern, NeighbouringStatements) {
  const std::vector<Found> found = matches(Language::kPython, "$L = []\nfor $X in $XS:\n    $L.append($E)",
                                           "def g(ys):\n    a = 1\n    out = []\n    # fill\n    for y in ys:\n"
                                           "        out.append(y + 1)\n    return out\n");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].text, "out = []\n    # fill\n    for y in ys:\n        out.append(y + 1)");
  EXPECT_EQ(found[0].captures.at("E"), "y + 1");
}

TEST(Pattern, StatementsAsAVariable) {
  const std::vector<Found> found =
      matches(Language::kPython, "for $X in $XS:\n    $$$BODY", "for a in b:\n    c()\n    d()\n");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].captures.at("BODY"), "c()\n    d()");
}

TEST(Pattern, CBracesAroundOneStatementDoNotMatter) {
  const std::string pattern = "for ($T $I = 0; $I < $N; ++$I) { $$$BODY }";
  EXPECT_THAT(c(pattern, "void f(){ for (int i = 0; i < n; ++i) g(i); }"), testing::SizeIs(1));
  EXPECT_THAT(c(pattern, "void f(){ for (size_t i = 0; i < n; ++i) { g(i); h(i); } }"), testing::SizeIs(1));
  EXPECT_THAT(c(pattern, "void f(){ for (int i = 0; i < n; ++j) g(i); }"), IsEmpty());
  EXPECT_THAT(c("while ($C) { g($X); }", "void f(){ while (a) g(1); }"), testing::SizeIs(1));
  EXPECT_THAT(c("if ($C) return $X;", "int f(){ if (a) { return 1; } }"), testing::SizeIs(1));
}

TEST(Pattern, CExpressionsAreNotTakenForDeclarations) {
  EXPECT_THAT(c("$A * $B", "int f(int a, int b){ return a * b; }"), ElementsAre("a * b"));
  EXPECT_THAT(c("pow($X, 2)", "double f(double a){ return pow(a, 2) + pow(a, 3); }"), ElementsAre("pow(a, 2)"));
}

TEST(Pattern, CppTypesAndMembers) {
  EXPECT_THAT(cpp("$V.push_back($T($$$A));", "void f(){ v.push_back(P(1, 2)); w.push_back(x); }"),
              ElementsAre("v.push_back(P(1, 2));"));
  EXPECT_THAT(cpp("std::vector<$T> $V;", "void f(){ std::vector<int> v; std::vector<char*> w; }"),
              ElementsAre("std::vector<int> v;", "std::vector<char*> w;"));
  EXPECT_THAT(cpp("std::shared_ptr<$T>(new $T($$$A))",
                  "auto a = std::shared_ptr<P>(new P(1)), b = std::shared_ptr<Q>(new P(1));"),
              ElementsAre("std::shared_ptr<P>(new P(1))"));
  EXPECT_THAT(cpp("for (auto $X : $XS) { $$$B }", "void f(){ for (auto x : xs) use(x); }"), testing::SizeIs(1));
}

TEST(Pattern, ContextAndSelector) {
  EXPECT_THAT(matches(Language::kCpp, "", "void f(){ try { g(); } catch (std::exception e) { h(); } }",
                      "void f() { try { } catch ($T $E) { $$$B } }", "catch_clause"),
              testing::SizeIs(1));
}

TEST(Pattern, TextThatDoesNotParseIsAnError) {
  EXPECT_THROW(Pattern::compile(Language::kPython, "for $X in"), Error);
  EXPECT_THROW(Pattern::compile(Language::kC, "if ($X"), Error);
}

TEST(PatternRule, InsideStopsWhereItIsTold) {
  NodeRule rule;
  rule.pattern = Pattern::compile(Language::kPython, "f($X)");
  Relation relation;
  relation.rule = std::make_unique<NodeRule>();
  relation.rule->kinds = {FlatTree::symbol_of(Language::kPython, "for_statement")};
  relation.stop = Relation::Stop::kRule;
  relation.stop_rule = std::make_unique<NodeRule>();
  relation.stop_rule->kinds = {FlatTree::symbol_of(Language::kPython, "function_definition")};
  rule.relations.push_back(std::move(relation));
  const FlatTree tree(Tree::parse(Language::kPython, "for a in b:\n    f(1)\n    def g():\n        f(2)\nf(3)\n"));
  const std::vector<RuleMatch> found = find_all(rule, tree);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(tree.text(found[0].span.first), "f(1)");
}

TEST(PatternRule, RangesNarrowTheSearch) {
  NodeRule rule;
  rule.pattern = Pattern::compile(Language::kPython, "f($X)");
  const FlatTree tree(Tree::parse(Language::kPython, "f(1)\nf(2)\n"));
  EXPECT_EQ(find_all(rule, tree, {{5, 9}}).size(), 1u);
  EXPECT_EQ(find_all(rule, tree).size(), 2u);
}

TEST(FlatTree, FindsNodesAgain) {
  const std::shared_ptr<const Tree> source = Tree::parse(Language::kC, "int f(int a) { return a + 1; }");
  const FlatTree tree(source);
  walk(source->root(), [&](Node node) {
    const Index index = tree.find(node);
    EXPECT_NE(index, kNoIndex);
    EXPECT_EQ(tree.text(index), node.text());
    EXPECT_EQ(tree.kind(index), node.kind());
    return true;
  });
}

}  // namespace
}  // namespace jarvis2::code
