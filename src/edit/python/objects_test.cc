// Transformations of classes, calls and recursion: what they make of a small program, and what they must leave alone.
#include <gtest/gtest.h>

#include "base/hash.h"
#include "edit/python/rewriting.h"
#include "edit/transformation.h"

namespace jarvis2::edit::python {
namespace {

// Each proposal's result.
std::vector<std::string> results(const std::string& rule, const std::string& before) {
  code::Workspace workspace;
  workspace.add({"m.py", sha256_hex(before), true, code::Tree::parse(code::Language::kPython, before)});
  std::vector<std::string> all;
  for (const std::unique_ptr<Transformation>& transformation : python_transformations()) {
    if (transformation->name() != rule) continue;
    for (const Proposal& proposal : transformation->propose(workspace, *workspace.find("m.py"), {})) {
      Edits edits;
      for (const Change& change : proposal.changes) edits.replace(change.range, change.text);
      all.push_back(edits.apply(before, {0, static_cast<std::uint32_t>(before.size())}));
      EXPECT_FALSE(proposal.note.empty());
    }
  }
  return all;
}

void expect_function(const std::string& rule, const std::string& classes, const std::string& before,
                     const std::string& after) {
  const std::vector<std::string> found = results(rule, classes + before);
  ASSERT_FALSE(found.empty()) << rule;
  EXPECT_EQ(found[0], classes + after);
}

const std::string kShapes = R"py(class Shape:
    def area(self):
        raise NotImplementedError

class Ball(Shape):
    def __init__(self, r):
        self.r = r
    def area(self):
        return self.r * self.r * 3

class Box(Shape):
    def __init__(self, a, b=1):
        self.a = a
        self.b = b
    def area(self):
        if self.a < 0:
            return 0
        return self.a * self.b

shapes = [Ball(1), Box(2)]

)py";

TEST(InlinePolymorphic, LadderOfClassesAndACallForTheRest) {
  expect_function("python/inline-polymorphic", kShapes, R"py(def total(shapes):
    t = 0
    for shape in shapes:
        a = shape.area()
        t += a
    return t
)py",
                  R"py(def total(shapes):
    t = 0
    for shape in shapes:
        shape_class = shape.__class__
        if shape_class is Ball:
            a = shape.r * shape.r * 3
        elif shape_class is Box:
            if shape.a < 0:
                a = 0
            else:
                a = shape.a * shape.b
        else:
            a = shape.area()
        t += a
    return t
)py");
}

TEST(InlinePolymorphic, NotWhereTheNameIsStoredOrBoundTwice) {
  EXPECT_TRUE(results("python/inline-polymorphic", kShapes + R"py(def total(shapes):
    for shape in shapes:
        a = shape.area()
    Ball.area = None
)py")
                  .empty());
  EXPECT_TRUE(results("python/inline-polymorphic", kShapes + R"py(class Ball(Shape):
    pass
class Box(Shape):
    pass
def total(shapes):
    for shape in shapes:
        a = shape.area()
)py")
                  .empty());
}

TEST(InlinePolymorphic, ItsOwnFallbackStaysACall) {
  const std::string once = results("python/inline-polymorphic", kShapes + R"py(def total(shapes):
    for shape in shapes:
        a = shape.area()
    return a
)py")
                               .at(0);
  EXPECT_TRUE(results("python/inline-polymorphic", once).empty());
}

TEST(InlineConstructor, FieldsAreStoredWhereTheObjectIsMade) {
  expect_function("python/inline-constructor", kShapes, R"py(def make(n):
    box = Box(n + 1)
    return [box, Ball(n)]
)py",
                  R"py(def make(n):
    a = n + 1
    box = object.__new__(Box)
    box.a = a
    box.b = 1
    return [box, Ball(n)]
)py");
}

TEST(InlineConstructor, NotWithHooksForeignBasesOrDecorators) {
  for (const std::string head :
       {"class A(dict):", "class A(metaclass=M):", "@decorated\nclass A:", "class A(Exception):"}) {
    EXPECT_TRUE(
        results("python/inline-constructor",
                head + "\n    def __init__(self, x):\n        self.x = x\n\ndef f():\n    a = A(1)\n    return a\n")
            .empty())
        << head;
  }
  EXPECT_TRUE(results("python/inline-constructor",
                      "class A:\n    def __new__(cls, x):\n        return 3\n"
                      "    def __init__(self, x):\n        self.x = x\n\n"
                      "def f():\n    a = A(1)\n    return a\n")
                  .empty());
}

TEST(InlineConstructor, AnArgumentThatReadsTheTargetKeepsItsValue) {
  expect_function("python/inline-constructor", kShapes, R"py(def chain(box):
    box = Box(box.a, box)
    return box
)py",
                  R"py(def chain(box):
    a_init = box.a
    box_made = object.__new__(Box)
    box_made.a = a_init
    box_made.b = box
    box = box_made
    return box
)py");
}

TEST(UnrollRecursion, OneLevelAndOnlyOnce) {
  const std::string before = R"py(def fib(n):
    if n < 2:
        return n
    return fib(n - 1) + fib(n - 2)
)py";
  const std::string once = results("python/unroll-recursion", before).at(0);
  EXPECT_EQ(once, R"py(def fib(n):
    if n < 2:
        return n
    n_fib = n - 1
    if n_fib < 2:
        fib_result = n_fib
    else:
        fib_result = fib(n_fib - 1) + fib(n_fib - 2)
    n_fib_2 = n - 2
    if n_fib_2 < 2:
        fib_result_fib = n_fib_2
    else:
        fib_result_fib = fib(n_fib_2 - 1) + fib(n_fib_2 - 2)
    return fib_result + fib_result_fib
)py");
  EXPECT_TRUE(results("python/unroll-recursion", once).empty());
}

const std::string kTree = R"py(class Tree:
    def __init__(self, key, left=None, right=None):
        self.key = key
        self.left = left
        self.right = right
    def walk(self, low=0):
        if self.left is not None:
            yield from self.left.walk(low)
        if self.key > low:
            yield self.key
        if self.right is not None:
            for key in self.right.walk():
                yield key

)py";

TEST(RecursiveGenerator, FillsAList) {
  const std::vector<std::string> found =
      results("python/recursive-generator-to-list", kTree + "def total(tree):\n    return sum(tree.walk(3))\n");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0], R"py(class Tree:
    def __init__(self, key, left=None, right=None):
        self.key = key
        self.left = left
        self.right = right
    def walk_into(self, put, low=0):
        if self.left is not None:
            self.left.walk_into(put, low)
        if self.key > low:
            put(self.key)
        if self.right is not None:
            self.right.walk_into(put)

    def walk(self, low=0):
        items = []
        self.walk_into(items.append, low)
        return iter(items)

def total(tree):
    return sum(tree.walk(3))
)py");
}

TEST(RecursiveGenerator, NotWhereLazinessShows) {
  for (const std::string use : {
           "def f(tree):\n    return next(tree.walk())\n",
           "def f(tree):\n    for key in tree.walk():\n        if key > 3:\n            break\n",
           "def f(tree):\n    for key in tree.walk():\n        tree.left = None\n",
           "def f(tree):\n    return any(tree.walk())\n",
           "def f(tree):\n    for key in tree.walk():\n        yield key\n",
           "def f(tree):\n    keys = tree.walk\n    return list(keys())\n",
       })
    EXPECT_TRUE(results("python/recursive-generator-to-list", kTree + use).empty()) << use;
}

TEST(InlineInExpressions, DecisionsBecomeConditionals) {
  expect_function("python/inline-method", "", R"py(class Lexer:
    def __init__(self, text):
        self.text = text
        self.pos = 0
    def peek(self):
        if self.pos < len(self.text):
            return self.text[self.pos]
        return ""
    def skip(self):
        while self.peek() == " ":
            self.pos += 1
)py",
                  R"py(class Lexer:
    def __init__(self, text):
        self.text = text
        self.pos = 0
    def peek(self):
        if self.pos < len(self.text):
            return self.text[self.pos]
        return ""
    def skip(self):
        while (self.text[self.pos] if self.pos < len(self.text) else "") == " ":
            self.pos += 1
)py");
}

}  // namespace
}  // namespace jarvis2::edit::python
