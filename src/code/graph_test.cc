#include "code/graph.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace jarvis2::code {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsSupersetOf;
using testing::Not;
using testing::UnorderedElementsAre;

Graph graph_of(const std::map<std::string, std::string>& texts) {
  std::vector<GraphFile> files;
  for (const auto& [path, text] : texts) {
    const Language language = language_of(path, true);
    files.push_back({path, language, outline_of(*Tree::parse(language, text))});
  }
  return Graph::build(std::move(files));
}

std::vector<std::string> edges(const Graph& graph) {
  std::vector<std::string> out;
  for (const GraphEdge& edge : graph.edges()) {
    out.push_back(graph.symbol(edge.from).qualified + (edge.kind == EdgeKind::kCall ? " > " : " : ") +
                  graph.path(edge.to) + " " + graph.symbol(edge.to).qualified);
  }
  return out;
}

std::vector<std::string> names(const Graph& graph,
                               const std::vector<std::pair<std::uint32_t, std::uint32_t>>& reached) {
  std::vector<std::string> out;
  for (const auto& [node, distance] : reached)
    out.push_back(std::to_string(distance) + " " + graph.symbol(node).qualified);
  return out;
}

TEST(Graph, PythonScopesImportsAndClasses) {
  const Graph graph = graph_of({
      {"pkg/__init__.py", ""},
      {"pkg/a.py",
       "from .b import helper as h, Base\nimport pkg.b as bb\nfrom . import b\n"
       "class A(Base):\n    def run(self):\n        self.step(); self.inherited(); h(); bb.helper(); b.other()\n"
       "        unknown(); text.split()\n    def step(self): pass\n"
       "def other():\n    def inner(): pass\n    inner()\n    x.unusual_name()\n"},
      {"pkg/b.py",
       "def helper(): other()\ndef other(): helper()\nclass Base:\n    def inherited(self): pass\n    def split(self): "
       "pass\n"},
      {"c.py", "def helper(): pass\nclass K:\n    def unusual_name(self): pass\n    def step(self): pass\n"},
  });
  EXPECT_THAT(edges(graph), UnorderedElementsAre(
                                "A : pkg/b.py Base", "A.run > pkg/a.py A.step", "A.run > pkg/b.py Base.inherited",
                                "A.run > pkg/b.py helper", "A.run > pkg/b.py other", "other > pkg/a.py other.inner",
                                "other > c.py K.unusual_name", "helper > pkg/b.py other", "other > pkg/b.py helper"));
  ASSERT_EQ(graph.cycles().size(), 1u);
  EXPECT_EQ(graph.cycles()[0].size(), 2u);
  EXPECT_THAT(names(graph, graph.reach(graph.find("pkg/b.py:other"), true)), ElementsAre("1 A.run", "1 helper"));
  EXPECT_THAT(names(graph, graph.reach(graph.find("A.run"), false, 1)),
              UnorderedElementsAre("1 A.step", "1 helper", "1 other", "1 Base.inherited"));
  EXPECT_EQ(graph.file_edges().size(), 1u);
}

TEST(Graph, CppHeadersMethodsAndOverloads) {
  const Graph graph = graph_of({
      {"src/s.h", "struct S { int get() const; int top(); };\nint free_one(int);\n"},
      {"src/s.cc",
       "#include \"s.h\"\nint S::get() const { return 1; }\nint S::top() { return get() + free_one(2); }\n"
       "static int local(int a) { return a; }\nint free_one(int a) { return local(a); }\n"},
      {"src/t.cc",
       "#include \"s.h\"\nstatic int local(int a) { return -a; }\nint use(S& s) { return s.top() + local(1) + "
       "v.size(); }\n"},
  });
  EXPECT_THAT(edges(graph),
              UnorderedElementsAre("S.top > src/s.cc S.get", "S.top > src/s.cc free_one", "free_one > src/s.cc local",
                                   "use > src/s.cc S.top", "use > src/t.cc local"));
  EXPECT_EQ(graph.file_edges().size(), 2u);
  EXPECT_THAT(names(graph, graph.reach(graph.find("local"), true)), Contains("1 use"));
}

TEST(Graph, OtherLanguages) {
  const Graph go = graph_of({{"a/x.go", "package a\nimport \"m/b\"\nfunc F() { G(); b.H() }\n"},
                             {"a/y.go", "package a\nfunc G() {}\n"},
                             {"b/z.go", "package b\nfunc H() {}\nfunc G() {}\n"}});
  EXPECT_THAT(edges(go), UnorderedElementsAre("F > a/y.go G", "F > b/z.go H"));
  const Graph ts = graph_of(
      {{"src/a.ts",
        "import {f, K} from './b';\nimport * as ns from './b';\nexport function g() { f(); ns.f(); new K(); }\n"},
       {"src/b.ts", "export function f() {}\nexport class K { m() { this.n(); } n() {} }\n"},
       {"src/c.ts", "export function f() {}\n"}});
  EXPECT_THAT(edges(ts), UnorderedElementsAre("g > src/b.ts f", "g > src/b.ts K", "K.m > src/b.ts K.n"));
  const Graph rust = graph_of({{"src/main.rs",
                                "use crate::util::helper;\nfn main() { helper(); P::make(); }\nstruct P;\nimpl P { fn "
                                "make() { Self::inner() } fn inner() {} }\n"},
                               {"src/util.rs", "pub fn helper() {}\n"}});
  EXPECT_THAT(edges(rust), UnorderedElementsAre("main > src/util.rs helper", "main > src/main.rs P.make",
                                                "P.make > src/main.rs P.inner"));
  const Graph java =
      graph_of({{"p/A.java", "package p;\nimport q.B;\nclass A { void f() { g(); B.h(); } void g() {} }\n"},
                {"q/B.java", "package q;\npublic class B { static void h() {} static void g() {} }\n"}});
  EXPECT_THAT(edges(java), UnorderedElementsAre("A.f > p/A.java A.g", "A.f > q/B.java B.h"));
}

TEST(Graph, CentralityAndDeepChains) {
  std::string text = "def f0(): pass\n";
  for (int i = 1; i < 20000; ++i) text += "def f" + std::to_string(i) + "(): f" + std::to_string(i - 1) + "()\n";
  const Graph graph = graph_of({{"a.py", text}});
  EXPECT_EQ(graph.cycles().size(), 0u);
  EXPECT_EQ(graph.reach(graph.find("f0"), true).size(), 19999u);
  const Graph star = graph_of({{"a.py", "def hub(): pass\ndef a(): hub()\ndef b(): hub()\ndef c(): a()\n"}});
  const std::vector<double> rank = star.centrality();
  double sum = 0;
  for (const double one : rank) sum += one;
  EXPECT_NEAR(sum, 1, 1e-6);
  EXPECT_EQ(std::max_element(rank.begin(), rank.end()) - rank.begin(), star.find("hub")[0]);
}

}  // namespace
}  // namespace jarvis2::code
