#include <gtest/gtest.h>

#include "base/hash.h"
#include "code/python_facts.h"

namespace jarvis2::code {
namespace {

class Program {
 public:
  explicit Program(const std::string& text) {
    workspace_.add({"m.py", sha256_hex(text), true, Tree::parse(Language::kPython, text)});
    world_ = PythonWorld::of(workspace_);
  }
  Node find(std::string_view kind, std::string_view text) const {
    Node found;
    walk(facts().tree().root(), [&](Node node) {
      if (node.is(kind) && node.text() == text) found = node;  // the last one
      return true;
    });
    EXPECT_TRUE(found) << text;
    return found;
  }
  // "Ball", "Ball?" (or None), "Ball+" (or a subclass); "" where unknown
  std::string type(std::string_view kind, std::string_view text) const {
    const PythonType found = world_->type_of(facts(), find(kind, text));
    if (found.kind != PythonType::Kind::kInstance) return "";
    return found.of->name + (found.exact ? "" : "+") + (found.or_none ? "?" : "");
  }
  const PythonFacts& facts() const { return *world_->facts("m.py"); }
  const PythonWorld& world() const { return *world_; }

 private:
  Workspace workspace_;
  std::shared_ptr<const PythonWorld> world_;
};

constexpr const char* kShapes = R"py(
class Shape:
    def area(self):
        raise NotImplementedError
class Ball(Shape):
    def __init__(self, r):
        self.r = r
    def area(self):
        return self.r * self.r
class Box(Shape):
    def __init__(self, a):
        self.a = a
        self.next = None
    def area(self):
        return self.a
)py";

TEST(PythonElements, ListsFilledUnderSeveralNames) {
  const Program p(std::string(kShapes) + R"py(
class Scene:
    def __init__(self):
        self.balls = []
        self.all = []
        self.mixed = [Ball(1)]
    def add(self, ball):
        self.balls.append(ball)
        every = self.all
        put = every.append
        put(ball)
    def show(self):
        for one in self.balls:
            use(one)
        for two in self.all:
            use(two)
        three = self.mixed[0]
        use(three)
def fill(xs):
    xs.append(3)
def main():
    scene = Scene()
    scene.add(Ball(1))
    scene.add(Ball(2))
    fill(scene.mixed)
    scene.show()
)py");
  EXPECT_EQ(p.type("identifier", "one"), "Ball");
  EXPECT_EQ(p.type("identifier", "two"), "Ball");
  EXPECT_EQ(p.type("identifier", "three"), "");
}

TEST(PythonElements, NestedListsDictsAndLoops) {
  const Program p(std::string(kShapes) + R"py(
def main(n):
    grid = [[Ball(x + y) for x in range(n)] for y in range(n)]
    for row in grid:
        for cell in row:
            use(cell)
    named = {}
    for i in range(n):
        named[i] = Box(i)
    for key in named:
        use(key)
    for k, box in named.items():
        use(box)
    maybe = named.get(3)
    use(maybe)
    for i, (left) in enumerate(grid[0]):
        use(left)
    for a, b in zip(grid[0], named.values()):
        use(b)
)py");
  EXPECT_EQ(p.type("identifier", "cell"), "Ball");
  EXPECT_EQ(p.type("identifier", "key"), "");
  EXPECT_EQ(p.type("identifier", "box"), "Box");
  EXPECT_EQ(p.type("identifier", "maybe"), "Box?");
  EXPECT_EQ(p.type("identifier", "b"), "Box");
}

TEST(PythonElements, CommonBaseNoneAndNarrowing) {
  const Program p(std::string(kShapes) + R"py(
def main(shapes: "list[Shape]", flag):
    for shape in shapes:
        use(shape)
    either = Ball(1) if flag else Box(2)
    use(either)
    either.next = Box(3)
    follow = either.next
    use(follow)
    if isinstance(flag, Box) and flag.a:
        inside = flag
        use(inside)
)py");
  EXPECT_EQ(p.type("identifier", "shape"), "Shape+");
  EXPECT_EQ(p.type("identifier", "either"), "Shape+");
  EXPECT_EQ(p.type("identifier", "follow"), "Box?");
  EXPECT_EQ(p.type("identifier", "inside"), "Box+");
}

TEST(PythonElements, ContainersThatEscapeAreUnknown) {
  const Program p(std::string(kShapes) + R"py(
import other
def main():
    xs = [Ball(1)]
    other.fill(xs)
    for x in xs:
        use(x)
    ys = [Ball(2)]
    ys.append(input())
    for y in ys:
        use(y)
    zs = [Ball(3)]
    table = {"zs": zs}
    for z in zs:
        use(z)
)py");
  EXPECT_EQ(p.type("identifier", "x"), "");
  EXPECT_EQ(p.type("identifier", "y"), "");
  EXPECT_EQ(p.type("identifier", "z"), "");
}

TEST(PythonElements, PossibleMethods) {
  const Program p(std::string(kShapes) + R"py(
def total(shapes: "list[Shape]"):
    return sum(shape.area() for shape in shapes)
print(total([Ball(1), Box(2)]))
)py");
  bool complete = false;
  const auto found = p.world().possible_methods(p.facts(), p.find("call", "shape.area()"), &complete);
  ASSERT_EQ(found.size(), 2u);  // Shape.area() only raises, and no plain Shape is made
  EXPECT_TRUE(complete);
  EXPECT_EQ(found[0].method->qualified, "Ball.area");
  EXPECT_EQ(found[1].method->qualified, "Box.area");
}

TEST(PythonElements, DispatchByComputedNameHidesArguments) {
  const std::string visitor = R"py(
class Visitor:
    def visit(self, node):
        return getattr(self, "visit_" + node.kind)(node)
    def visit_box(self, box):
        return box
def main():
    Visitor().visit_box(Box(1))
)py";
  EXPECT_EQ(Program(std::string(kShapes) + visitor).type("identifier", "box"), "");
  EXPECT_EQ(Program(std::string(kShapes) + visitor.substr(0, 16) + "    pass\n" +
                    visitor.substr(visitor.find("    def visit_box")))
                .type("identifier", "box"),
            "Box");
}

}  // namespace
}  // namespace jarvis2::code
