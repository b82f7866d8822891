#include "code/outline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace jarvis2::code {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsSupersetOf;

std::vector<std::string> symbols(const Outline& outline) {
  std::vector<std::string> names;
  for (const Symbol& symbol : outline.symbols) {
    names.push_back(std::string(symbol_kind_name(symbol.kind)) + (symbol.declaration ? "? " : " ") + symbol.qualified);
  }
  return names;
}

std::vector<std::string> calls(const Outline& outline, ReferenceKind kind = ReferenceKind::kCall) {
  std::vector<std::string> names;
  for (const Reference& one : outline.references) {
    if (one.kind != kind) continue;
    const std::string from = one.symbol == kNoSymbol ? "" : outline.symbols[one.symbol].qualified;
    names.push_back(from + " > " + (one.qualifier.empty() ? "" : one.qualifier + ".") + one.name);
  }
  return names;
}

std::vector<std::string> imports(const Outline& outline) {
  std::vector<std::string> names;
  for (const Import& one : outline.imports) names.push_back(one.module + "|" + one.name + "|" + one.alias);
  return names;
}

Outline outline(Language language, const std::string& text) {
  return outline_of(*Tree::parse(language, text));
}

TEST(Outline, Python) {
  const std::string text =
      "import os.path as p, sys\n"
      "from .a import b as c, d\n"
      "LIMIT = 3\n"
      "# Adds.\n"
      "@cache\n"
      "def add(x, y=1):\n"
      "    '''Sum.'''\n"
      "    z = 1\n"
      "    if x and y: return p.join(x)\n"
      "    return helper(x)\n"
      "class A(Base, m.Other):\n"
      "    field = 1\n"
      "    def run(self):\n"
      "        return self.step()\n";
  const Outline found = outline(Language::kPython, text);
  EXPECT_THAT(symbols(found),
              ElementsAre("variable LIMIT", "function add", "class A", "variable A.field", "method A.run"));
  EXPECT_THAT(calls(found), ElementsAre("add > p.join", "add > helper", "A.run > self.step"));
  EXPECT_THAT(calls(found, ReferenceKind::kInherit), ElementsAre("A > Base", "A > Other"));
  EXPECT_THAT(imports(found), ElementsAre("os.path||p", "sys||", ".a|b|c", ".a|d|"));
  const Symbol& add = found.symbols[1];
  EXPECT_EQ(text.substr(add.doc.begin, add.doc.size()), "'''Sum.'''");
  EXPECT_EQ(add.signature, "def add(x, y=1):");
  EXPECT_EQ(text.substr(add.range.begin, 6), "@cache");
  EXPECT_EQ(add.line, 6u);
  EXPECT_EQ(add.complexity, 3u);
}

TEST(Outline, CAndCpp) {
  const std::string text =
      "#include \"x/y.h\"\n"
      "#define TWICE(x) ((x) * 2)\n"
      "namespace n {\n"
      "// Holds.\n"
      "struct S : Base<int> {\n"
      "  int get() const;\n"
      "  int size = 0;\n"
      "};\n"
      "template <class T>\n"
      "T S::top(T a) { int local = 1; return a > 1 && f(a) ? n::g(a) : this->get(); }\n"
      "}\n"
      "static int *f(int a) { struct S *s; return s->call(a); }\n"
      "int g(int);\n";
  const Outline found = outline(Language::kCpp, text);
  EXPECT_THAT(symbols(found), ElementsAre("macro TWICE", "module n", "struct n.S", "method? n.S.get",
                                          "variable n.S.size", "method n.S.top", "function f", "function? g"));
  EXPECT_THAT(calls(found), ElementsAre("n.S.top > f", "n.S.top > n.g", "n.S.top > this.get", "f > s.call"));
  EXPECT_THAT(calls(found, ReferenceKind::kInherit), ElementsAre("n.S > Base"));
  EXPECT_THAT(imports(found), ElementsAre("x/y.h||"));
  EXPECT_EQ(text.substr(found.symbols[2].doc.begin, found.symbols[2].doc.size()), "// Holds.");
  EXPECT_EQ(found.symbols[5].complexity, 3u);
  EXPECT_EQ(text.substr(found.symbols[5].range.begin, 8), "template");
}

TEST(Outline, Rust) {
  const Outline found = outline(Language::kRust,
                                "use crate::a::{b, c as d};\nuse std::fmt::*;\n"
                                "/// A point.\n#[derive(Debug)]\npub struct P { x: i32 }\n"
                                "impl Show for P {\n    fn show(&self) -> i32 { self.x() + a::y(1) }\n}\n"
                                "trait T { fn area(&self) -> f64; }\nmod m { pub fn g() { println!(\"\") } }\n");
  EXPECT_THAT(symbols(found),
              ElementsAre("struct P", "method P.show", "trait T", "method? T.area", "module m", "function m.g"));
  EXPECT_THAT(calls(found), ElementsAre("P.show > self.x", "P.show > a.y", "m.g > println"));
  EXPECT_THAT(imports(found), ElementsAre("crate::a|b|", "crate::a|c|d", "std::fmt|*|"));
  EXPECT_GT(found.symbols[0].doc.size(), 0u);
}

TEST(Outline, Go) {
  const Outline found = outline(
      Language::kGo,
      "package p\nimport (\n\t\"fmt\"\n\tx \"a/b\"\n)\n// T is.\ntype T struct { a int }\ntype I interface { M() }\n"
      "const K = 1\nfunc (t *T) M() { v := 1; fmt.Println(v); helper() }\nfunc helper() {}\n");
  EXPECT_THAT(symbols(found), ElementsAre("struct T", "interface I", "variable K", "method T.M", "function helper"));
  EXPECT_THAT(calls(found), ElementsAre("T.M > fmt.Println", "T.M > helper"));
  EXPECT_THAT(imports(found), ElementsAre("fmt||", "a/b||x"));
  EXPECT_GT(found.symbols[0].doc.size(), 0u);
}

TEST(Outline, Java) {
  const Outline found = outline(
      Language::kJava,
      "package a.b;\nimport java.util.List;\nimport x.*;\n/** Doc. */\npublic class C extends D implements E, F<G> {\n"
      "  private int n;\n  C() { super(); }\n  int get(List<Integer> l) { return l.size() + new H().go(); }\n}\n");
  EXPECT_THAT(symbols(found), ElementsAre("class C", "variable C.n", "method C.C", "method C.get"));
  EXPECT_THAT(calls(found), IsSupersetOf({"C.get > l.size", "C.get > H"}));
  EXPECT_THAT(calls(found, ReferenceKind::kInherit), ElementsAre("C > D", "C > E", "C > F"));
  EXPECT_THAT(imports(found), ElementsAre("java.util|List|", "x|*|"));
}

TEST(Outline, JavaScriptAndTypeScript) {
  const Outline js = outline(Language::kJavaScript,
                             "import d, {a as b} from './x';\nimport * as ns from 'y';\n"
                             "// Runs.\nexport const run = async (x) => { const t = 1; return b(x).then(go); };\n"
                             "class K extends L.M { m() { this.n(); } }\nfunction f() { return new K(); }\n");
  EXPECT_THAT(symbols(js), ElementsAre("function run", "class K", "method K.m", "function f"));
  EXPECT_THAT(calls(js), IsSupersetOf({"run > b", "K.m > this.n", "f > K"}));
  EXPECT_THAT(calls(js, ReferenceKind::kInherit), ElementsAre("K > M"));
  EXPECT_THAT(imports(js), ElementsAre("./x|default|d", "./x|a|b", "y|*|ns"));
  EXPECT_GT(js.symbols[0].doc.size(), 0u);

  const Outline ts = outline(Language::kTypeScript,
                             "export interface I extends J { m(x: number): void }\ntype A = string;\nenum E { X }\n"
                             "export abstract class C<T> implements I { private n = 1; m(x: number) { g<T>(x); } }\n");
  EXPECT_THAT(symbols(ts),
              ElementsAre("interface I", "method? I.m", "type A", "enum E", "class C", "variable C.n", "method C.m"));
  EXPECT_THAT(calls(ts, ReferenceKind::kInherit), ElementsAre("I > J", "C > I"));
  EXPECT_THAT(calls(ts), ElementsAre("C.m > g"));
}

TEST(Outline, DeepNestingAndBrokenTextSurvive) {
  std::string deep = "x = ";
  for (int i = 0; i < 20000; ++i) deep += '(';
  deep += "f()";
  outline(Language::kPython, deep);
  const Outline broken = outline(Language::kCpp, "int f( { \xff\xfe class } g(1);;; void h() { k(); }");
  EXPECT_THAT(symbols(broken), Contains("function h"));
}

}  // namespace
}  // namespace jarvis2::code
