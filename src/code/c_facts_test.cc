#include "code/c_facts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace jarvis2::code {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;

Workspace workspace_of(const std::string& text, Language language = Language::kCpp) {
  Workspace workspace;
  SourceFile file;
  file.path = language == Language::kCpp ? "a.cc" : "a.c";
  file.tree = Tree::parse(language, text);
  workspace.add(file);
  return workspace;
}

Node find(const Workspace& workspace, std::string_view kind, std::string_view text) {
  Node found;
  walk(workspace.files()[0].tree->root(), [&](Node node) {
    if (!found && node.is(kind) && node.text() == text) found = node;
    return true;
  });
  EXPECT_TRUE(found) << kind << " " << text;
  return found;
}

CVariable variable(const CFacts& facts, std::string_view name) {
  for (const CVariable& local : facts.files()[0]->locals) {
    if (local.name == name) return local;
  }
  ADD_FAILURE() << name;
  return {};
}

TEST(CFacts, TypesAreReadAsSpelled) {
  const CType type = parse_c_type("const std::map<std::string, int> &");
  EXPECT_EQ(type.name(), "map");
  EXPECT_EQ(type.arguments(), (std::vector<std::string>{"std::string", "int"}));
  EXPECT_TRUE(type.is_const && type.reference && !type.is_value());
  EXPECT_EQ(parse_c_type("unsigned char **").pointers, 2);
  EXPECT_TRUE(CFacts::is_integer(parse_c_type("unsigned long long")));
  EXPECT_FALSE(CFacts::is_integer(parse_c_type("std::string")));
}

TEST(CFacts, NamesResolveToTheInnermostDeclaration) {
  const Workspace w =
      workspace_of("int x; void f(double x) { { long x = 1; use(x + 0); } use(x + 1); } int g() { return x + 2; }");
  const auto facts = CFacts::of(w);
  EXPECT_EQ(facts->type_of(find(w, "binary_expression", "x + 0")).base, "long");
  EXPECT_EQ(facts->type_of(find(w, "binary_expression", "x + 1")).base, "double");
  EXPECT_EQ(facts->type_of(find(w, "binary_expression", "x + 2")).base, "int");
}

TEST(CFacts, TypesFollowMembersAutoAndContainers) {
  const Workspace w = workspace_of(R"(
    using Names = std::vector<std::string>;
    struct P { double w; Names names; std::map<int, float> m; };
    struct Q { P* p; void f() { for (auto& s : p->names) use(s); auto v = p->w; take(v * 2); take2(p->m[3]); } };)");
  const auto facts = CFacts::of(w);
  EXPECT_EQ(facts->type_of(find(w, "argument_list", "(s)").named(0)).base, "std::string");
  EXPECT_EQ(facts->type_of(find(w, "binary_expression", "v * 2")).base, "double");
  EXPECT_EQ(facts->type_of(find(w, "subscript_expression", "p->m[3]")).base, "float");
}

TEST(CFacts, PurityIsSummarisedThroughCalls) {
  const Workspace w = workspace_of(R"(
    int table[10]; int count;
    int square(int x) { int y = x; y *= x; return y; }
    int look(int i) { return table[i] + square(i); }
    int bump(int i) { count += i; return look(i); }
    void fill(int* out, int n) { for (int i = 0; i < n; ++i) out[i] = i; }
    std::string glue(const std::string& a) { std::string s; s += a; s.push_back('x'); return s; }
    void talk() { printf("x"); }
    int all(int i, int* b) { return square(i) + look(i) + bump(i) + unknown(i); })");
  const auto facts = CFacts::of(w);
  EXPECT_EQ(facts->call_effect(find(w, "call_expression", "square(i)")), CEffect::kPure);
  EXPECT_EQ(facts->call_effect(find(w, "call_expression", "look(i)")), CEffect::kReads);
  EXPECT_EQ(facts->call_effect(find(w, "call_expression", "bump(i)")), CEffect::kWrites);
  EXPECT_EQ(facts->call_effect(find(w, "call_expression", "unknown(i)")), CEffect::kWrites);
  EXPECT_EQ(facts->effect(facts->functions("fill")[0]->body), CEffect::kWrites);
  EXPECT_EQ(facts->effect(facts->functions("talk")[0]->body), CEffect::kWrites);
}

TEST(CFacts, AFunctionThatOnlyBuildsALocalIsNotAWriter) {
  const Workspace w = workspace_of(
      "std::string glue(const std::string& a) { std::string s; s += a; s.push_back('x'); return s; }"
      "int h(const std::string& a) { return glue(a).size(); }");
  EXPECT_NE(CFacts::of(w)->call_effect(find(w, "call_expression", "glue(a)")), CEffect::kWrites);
}

TEST(CFacts, InvarianceSeesWritesInTheLoop) {
  const Workspace w = workspace_of(R"(
    int f(const char* s, int n, std::vector<int>& v, std::vector<int> own) {
      int k = 3, m = 4, total = 0;
      for (int i = 0; i < n; ++i) { total += strlen(s) + m * 2 + v.size() + own.size(); k += 1; v.push_back(k * 5); }
      return total;
    })");
  const auto facts = CFacts::of(w);
  const Node loop = facts->functions("f")[0]->body.named(1);
  ASSERT_TRUE(is_loop(loop));
  EXPECT_TRUE(facts->invariant(find(w, "binary_expression", "m * 2"), loop).certain);
  EXPECT_TRUE(facts->invariant(find(w, "call_expression", "strlen(s)"), loop).holds);
  EXPECT_TRUE(facts->invariant(find(w, "call_expression", "own.size()"), loop).certain);
  EXPECT_FALSE(facts->invariant(find(w, "call_expression", "v.size()"), loop).holds);
  EXPECT_FALSE(facts->invariant(find(w, "binary_expression", "k * 5"), loop).holds);
}

TEST(CFacts, InvarianceSaysWhatItAssumes) {
  const Workspace w = workspace_of(R"(
    void f(char* s, char* out) { for (int i = 0; i < strlen(s); i++) out[i] = 1; }
    void g(char* s) { for (int i = 0; i < strlen(s); i++) s[i] = 1; }
    void h(char* s) { char* p = s; for (int i = 0; i < strlen(s); i++) *p++ = 1; })",
                                   Language::kC);
  const auto facts = CFacts::of(w);
  const auto decide = [&](const char* name) {
    const Node loop = descendants(facts->functions(name)[0]->body, {"for_statement"})[0];
    return facts->invariant(descendants(loop, {"call_expression"})[0], loop);
  };
  EXPECT_TRUE(decide("f").holds);
  EXPECT_FALSE(decide("f").certain);
  EXPECT_THAT(decide("f").assumption, HasSubstr("do not reach"));
  EXPECT_FALSE(decide("g").holds);
  EXPECT_FALSE(decide("h").holds);
}

TEST(CFacts, FieldsChangedByACalleeAreNotInvariant) {
  const Workspace w = workspace_of(R"(
    struct S { int n; int m; };
    void grow(struct S* s) { s->n++; }
    int f(struct S* s) { int t = 0; for (int i = 0; i < s->n; i++) { grow(s); t += s->m; } return t; })",
                                   Language::kC);
  const auto facts = CFacts::of(w);
  const Node loop = descendants(facts->functions("f")[0]->body, {"for_statement"})[0];
  EXPECT_FALSE(facts->invariant(find(w, "binary_expression", "i < s->n").field("right"), loop).holds);
  EXPECT_TRUE(facts->invariant(find(w, "field_expression", "s->m"), loop).holds);
}

TEST(CFacts, UsesTellWritesFromReads) {
  const Workspace w = workspace_of(R"(
    struct P { int x; int get() const; void set(int); };
    void sink(const std::string& s); void sink2(std::string& s) { s += "x"; }
    void f(std::string a, std::string b, std::string c, P p, P q, std::vector<int> v, std::vector<int> r) {
      use(a.size()); sink2(b); g(std::move(c)); use(p.get()); q.set(1); v[0] = 1; for (const int& e : r) use(e); })");
  const auto facts = CFacts::of(w);
  for (const char* name : {"a", "p", "r"}) EXPECT_TRUE(facts->never_modified(variable(*facts, name))) << name;
  for (const char* name : {"b", "c", "q", "v"}) EXPECT_FALSE(facts->never_modified(variable(*facts, name))) << name;
}

TEST(CFacts, LargeTypesAreKnown) {
  const Workspace w = workspace_of(
      "struct Small { int a, b; }; struct Big { double d[16]; }; struct Named { std::string s; int k; }; typedef Big "
      "Alias;");
  const auto facts = CFacts::of(w);
  EXPECT_FALSE(facts->is_large(parse_c_type("Small")));
  EXPECT_TRUE(facts->is_large(parse_c_type("Big")));
  EXPECT_TRUE(facts->is_large(parse_c_type("Alias")));
  EXPECT_TRUE(facts->is_large(parse_c_type("Named")));
  EXPECT_FALSE(facts->is_large(parse_c_type("const Named&")));
}

TEST(CFacts, WhatUnknownCodeMayReachIsNotInvariant) {
  const Workspace w = workspace_of(R"(
    struct S { int n; };
    #define GROW s->n++
    void f(struct S *s, int (*hook)(int)) { for (int i = 0; i < s->n; i++) hook(i); }
    void g(struct S *s) { for (int i = 0; i < s->n; i++) { GROW; } })",
                                   Language::kC);
  const auto facts = CFacts::of(w);
  for (const char* name : {"f", "g"}) {
    const Node loop = descendants(facts->functions(name)[0]->body, {"for_statement"})[0];
    EXPECT_FALSE(facts->invariant(descendants(loop, {"field_expression"})[0], loop).holds) << name;
  }
}

TEST(CFacts, WordsInMacrosCountAsUnknownUses) {
  const Workspace w =
      workspace_of("static int level;\n#define BUMP() (level++)\nint f(void) { return level; }\n", Language::kC);
  const auto facts = CFacts::of(w);
  EXPECT_FALSE(facts->never_modified(facts->files()[0]->globals[0]));
}

TEST(CFacts, BrokenCodeIsTolerated) {
  const Workspace w = workspace_of("class X { int f( { return ; } void g() { for (;;) { a[ = 1; } }");
  const auto facts = CFacts::of(w);
  for (const CFunction& function : facts->files()[0]->functions) facts->region(function.body);
}

}  // namespace
}  // namespace jarvis2::code
