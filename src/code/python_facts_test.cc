#include "code/python_facts.h"

#include <gtest/gtest.h>

#include "base/hash.h"

namespace jarvis2::code {
namespace {

class Sources {
 public:
  explicit Sources(std::initializer_list<std::pair<std::string, std::string>> files) {
    for (const auto& [path, text] : files)
      workspace_.add({path, sha256_hex(text), true, Tree::parse(Language::kPython, text)});
    world_ = PythonWorld::of(workspace_);
  }
  const PythonWorld& world() const { return *world_; }
  const PythonFacts& facts(const std::string& path = "m.py") const { return *world_->facts(path); }
  // The first node of this kind whose text is `text`.
  Node find(std::string_view kind, std::string_view text, const std::string& path = "m.py") const {
    Node found;
    walk(facts(path).tree().root(), [&](Node node) {
      if (!found && node.is(kind) && node.text() == text) found = node;
      return !found;
    });
    EXPECT_TRUE(found) << kind << " " << text;
    return found;
  }
  Node loop(std::size_t index = 0) const { return facts().loops().at(index).node; }

 private:
  Workspace workspace_;
  std::shared_ptr<const PythonWorld> world_;
};

TEST(PythonFacts, ScopesAndBindings) {
  const Sources s({{"m.py",
                    "import math\n"
                    "def f(a, b=1):\n"
                    "    c = [a + x for x in b]\n"
                    "    def g():\n"
                    "        nonlocal c\n"
                    "        c = a\n"
                    "    return c\n"
                    "def h():\n"
                    "    global top\n"
                    "    top = 1\n"
                    "top = 0\n"}});
  const PythonFacts& facts = s.facts();
  ASSERT_EQ(facts.functions().size(), 3u);
  EXPECT_EQ(facts.functions()[1].qualified, "f.g");
  const PythonBinding* c = facts.lookup(facts.functions()[0].scope, "c");
  ASSERT_NE(c, nullptr);
  EXPECT_EQ(c->stores.size(), 2u);
  EXPECT_TRUE(c->written_from_outside);
  const PythonBinding* a = facts.lookup(facts.functions()[0].scope, "a");
  EXPECT_TRUE(a->captured);
  EXPECT_EQ(facts.lookup(facts.functions()[0].scope, "x"), nullptr);
  EXPECT_FALSE(facts.bound_once("top"));
  EXPECT_TRUE(facts.bound_once("f"));
}

TEST(PythonFacts, OverloadsOfTypingAreNoSecondDefinition) {
  const std::string body =
      "class V:\n"
      "    @overload\n"
      "    def f(self, a: int) -> int: ...\n"
      "    @overload\n"
      "    def f(self, a: str) -> str: ...\n"
      "    def f(self, a):\n"
      "        return a\n";
  EXPECT_FALSE(Sources({{"m.py", "from typing import overload\n" + body}}).facts().classes().at(0).defined_twice);
  EXPECT_TRUE(Sources({{"m.py", "from dispatch import overload\n" + body}}).facts().classes().at(0).defined_twice);
  EXPECT_TRUE(Sources({{"m.py", "from typing import overload\n" + body + "    def f(self): pass\n"}})
                  .facts()
                  .classes()
                  .at(0)
                  .defined_twice);
}

TEST(PythonFacts, DynamicCodePoisonsNames) {
  const Sources s({{"m.py", "def f():\n    return 1\nexec('f = 2')\n"}});
  EXPECT_FALSE(s.facts().bound_once("f"));
  EXPECT_EQ(s.world().resolve_call(s.facts(), s.find("call", "exec('f = 2')"), nullptr, nullptr), nullptr);
}

TEST(PythonFacts, LoopsAssign) {
  const Sources s({{"m.py",
                    "def f(xs, n):\n"
                    "    t = 0\n"
                    "    for x in xs:\n"
                    "        t += x\n"
                    "        ys = [q for q in xs]\n"
                    "    return t\n"}});
  const NameSet stored = s.facts().names_stored_in(s.loop());
  EXPECT_EQ(stored, (NameSet{"t", "x", "ys"}));
}

TEST(PythonWorld, ResolvesCallsAcrossFilesAndThroughSelf) {
  const Sources s({{"m.py",
                    "from lib import helper\n"
                    "class A:\n"
                    "    def one(self):\n"
                    "        return self.two()\n"
                    "    def two(self):\n"
                    "        return helper(2)\n"
                    "    def three(self):\n"
                    "        return 3\n"
                    "class B(A):\n"
                    "    def three(self):\n"
                    "        return 4\n"
                    "def use(a):\n"
                    "    return a.three() + a.one()\n"},
                   {"lib.py", "def helper(x):\n    return x + 1\n"}});
  const auto resolves = [&](std::string_view call) {
    const PythonFunction* found = s.world().resolve_call(s.facts(), s.find("call", call), nullptr, nullptr);
    return found == nullptr ? std::string() : found->qualified;
  };
  EXPECT_EQ(resolves("self.two()"), "A.two");
  EXPECT_EQ(resolves("helper(2)"), "helper");
  EXPECT_EQ(resolves("a.three()"), "");
  EXPECT_EQ(resolves("a.one()"), "A.one");
}

TEST(PythonWorld, PurityGoesThroughCalls) {
  const Sources s({{"m.py",
                    "class P:\n"
                    "    def __init__(self, x):\n"
                    "        self.x = x\n"
                    "    def set(self, v):\n"
                    "        self.x = v\n"
                    "    def get2(self):\n"
                    "        return self.x * 2\n"
                    "def outer(p):\n"
                    "    return inner(p)\n"
                    "def inner(p):\n"
                    "    p.set(1)\n"
                    "    return 1\n"
                    "a = P(1)\n"
                    "b = a.get2()\n"
                    "c = outer(a)\n"
                    "d = fresh(3)\n"
                    "def fresh(n):\n"
                    "    out = []\n"
                    "    for i in range(n):\n"
                    "        out.append(i)\n"
                    "    return out\n"}});
  const auto pure = [&](std::string_view call) { return s.world().pure(s.facts(), s.find("call", call)); };
  EXPECT_TRUE(pure("P(1)"));
  EXPECT_TRUE(pure("a.get2()"));
  EXPECT_FALSE(pure("outer(a)"));
  EXPECT_TRUE(pure("fresh(3)"));
  EXPECT_EQ(s.world().effects(s.facts(), s.find("call", "outer(a)")).attributes, InternedNames{"x"});
}

TEST(PythonWorld, InvariantInLoop) {
  const Sources s({{"m.py",
                    "class P:\n"
                    "    def go(self, m, n, i):\n"
                    "        for j in range(n):\n"
                    "            self.total = self.total + m[i][j] * self.scale.factor\n"
                    "            m[i][j] = 0\n"
                    "            len(m)\n"}});
  const auto invariant = [&](std::string_view kind, std::string_view text) {
    return s.world().invariant_in(s.facts(), s.find(kind, text), s.loop());
  };
  EXPECT_TRUE(invariant("attribute", "self.scale.factor"));
  EXPECT_FALSE(s.world().invariant_in(s.facts(), s.find("binary_operator", "self.total + m[i][j] * self.scale.factor"),
                                      s.loop()));
  EXPECT_TRUE(invariant("subscript", "m[i]"));
  EXPECT_FALSE(invariant("subscript", "m[i][j]"));
  EXPECT_TRUE(invariant("call", "len(m)"));
}

TEST(PythonWorld, UnknownCallsChangeWhatIsChangedElsewhere) {
  const Sources s({{"m.py",
                    "class P:\n"
                    "    def __init__(self):\n"
                    "        self.fixed = 1\n"
                    "        self.moving = 1\n"
                    "    def move(self):\n"
                    "        self.moving += 1\n"
                    "def go(p, callback):\n"
                    "    while callback(p):\n"
                    "        print(p.fixed, p.moving)\n"}});
  EXPECT_TRUE(s.world().invariant_in(s.facts(), s.find("attribute", "p.fixed"), s.loop()));
  EXPECT_FALSE(s.world().invariant_in(s.facts(), s.find("attribute", "p.moving"), s.loop()));
}

TEST(PythonWorld, TypesOfAttributesAndParameters) {
  const Sources s({{"m.py",
                    "class V:\n"
                    "    def __init__(self, x, y):\n"
                    "        self.x = x\n"
                    "        self.y = y\n"
                    "    def __add__(self, o):\n"
                    "        return V(self.x + o.x, self.y + o.y)\n"
                    "class H:\n"
                    "    def __init__(self):\n"
                    "        self.v = V(1.0, 2.0)\n"
                    "    def run(self):\n"
                    "        w = self.v + V(1.0, 1.0)\n"
                    "        return w.x\n"}});
  const PythonType sum = s.world().type_of(s.facts(), s.find("binary_operator", "self.v + V(1.0, 1.0)"));
  ASSERT_EQ(sum.kind, PythonType::Kind::kInstance);
  EXPECT_EQ(sum.of->name, "V");
  EXPECT_TRUE(s.world().type_of(s.facts(), s.find("attribute", "w.x")).number());
}

}  // namespace
}  // namespace jarvis2::code
