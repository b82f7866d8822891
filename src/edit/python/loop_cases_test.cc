// Loops over numbers and lists: what each transformation makes of a small program, and what it must leave alone.
#include <gtest/gtest.h>

#include "base/hash.h"
#include "edit/python/rewriting.h"
#include "edit/transformation.h"

namespace jarvis2::edit::python {
namespace {

struct Case {
  const char* rule;
  const char* name;
  const char* before;
  const char* after;  // nullptr: no proposal
};

const Case kCases[] = {
    {"python/table-of-terms", "TermOfIndexesComesFromACachedRow",
     R"py(import functools

def weight(i, j):
    return 1.0 / ((i + j) * (i + j + 1) // 2 + i + 1)

def row_sum(i, u):
    total = 0
    for j, x in enumerate(u):
        total += weight(i, j) * x
    return total

def use(u):
    return [row_sum(i, u) for i in range(len(u))] + [row_sum(0, u)]
)py",
     R"py(import functools

def weight(i, j):
    return 1.0 / ((i + j) * (i + j + 1) // 2 + i + 1)

@functools.lru_cache(maxsize=1024, typed=True)
def _terms_of_row_sum(i, count):
    return [weight(i, j) for j in range(count)]


def row_sum(i, u):
    total = 0
    for x, term in zip(u, _terms_of_row_sum(i, len(u))):
        total += term * x
    return total

def use(u):
    return [row_sum(i, u) for i in range(len(u))] + [row_sum(0, u)]
)py"},
    {"python/table-of-terms", "NotWhereTheTermReadsWhatTheLoopStores",
     R"py(def f(xs, k):
    s = 0.0
    for i, x in enumerate(xs):
        s += (i * k + s * 2.0) * i + k * i
        k += 1
    return s

def use(a):
    return f(a, 1) + f(a, 2)
)py",
     nullptr},
    {"python/table-of-terms", "NotWhereTheLoopMayStop",
     R"py(def f(n, k):
    for i in range(n):
        if i * k * k + i * 3 > 100:
            return i
    return 0

def use():
    return f(10, 1) + f(20, 2)
)py",
     nullptr},
    {"python/table-of-terms", "NotWhereAGlobalCounts",
     R"py(factor = 2

def scale(i, k):
    return i * factor * k + i * i

def f(n, k):
    s = 0
    for i in range(n):
        s += scale(i, k)
    return s

def use():
    global factor
    factor = 3
    return f(10, 1) + f(20, 2)
)py",
     nullptr},
    {"python/cells-by-unpacking", "ThreeCellsOfTwoLists",
     R"py(def kick(v, w, dx, dy, dz, m):
    v[0] -= dx * m
    v[1] -= dy * m
    v[2] -= dz + m
    w[0] += dx
    w[1] += dy
    w[2] += dz
)py",
     R"py(def kick(v, w, dx, dy, dz, m):
    cell_0, cell_1, cell_2 = v
    v[0] = cell_0 - dx * m
    v[1] = cell_1 - dy * m
    v[2] = cell_2 - (dz + m)
    cell_0, cell_1, cell_2 = w
    w[0] = cell_0 + dx
    w[1] = cell_1 + dy
    w[2] = cell_2 + dz
)py"},
    {"python/cells-by-unpacking", "NotWhereACellReadsACell",
     R"py(def f(v, d):
    v[0] += d
    v[1] += v[0]
)py",
     nullptr},
    {"python/cells-by-unpacking", "NotFromTheMiddle",
     R"py(def f(v, d):
    v[1] += d
    v[2] += d
)py",
     nullptr},
    {"python/cell-in-local", "InnermostSum",
     R"py(def product(a, b, c, n):
    for i in range(n):
        for j in range(n):
            for k in range(n):
                c[i][j] += a[i][k] * b[k][j]
)py",
     R"py(def product(a, b, c, n):
    for i in range(n):
        for j in range(n):
            c_i_j_now = c[i][j]
            for k in range(n):
                c_i_j_now += a[i][k] * b[k][j]
            c[i][j] = c_i_j_now
)py"},
    {"python/cell-in-local", "NotWhereARowOfTheSameTableIsRead",
     R"py(def eliminate(m, n):
    for i in range(n):
        for j in range(i):
            low = m[j]
            row = m[i]
            for k in range(j):
                row[j] -= row[k] * low[k]
)py",
     nullptr},
    {"python/cell-in-local", "NotForCountersOfMissingKeys",
     R"py(from collections import defaultdict

def f(words):
    counts = defaultdict(int)
    for i in range(3):
        for w in words:
            counts[i] += 1
    return counts
)py",
     nullptr},
    {"python/cell-in-local", "NotWhereOneRowMayBeTheOther",
     R"py(def add(g, n):
    for i in range(n):
        for j in range(n):
            a = g[i]
            b = g[j]
            for k in range(n):
                a[j] += b[k]
)py",
     nullptr},
    {"python/cell-in-local", "NotWhereACallHandsOneListToBoth",
     R"py(def add(c, a, n):
    for i in range(n):
        for k in range(n):
            c[i] += a[k]

def use(xs):
    add(xs, xs, len(xs))
)py",
     nullptr},
    {"python/global-in-local", "StoredBackBeforeReturn",
     R"py(total = 0

def f(xs):
    global total
    for x in xs:
        if x < 0:
            return False
        total += x
    return True
)py",
     R"py(total = 0

def f(xs):
    global total
    total_now = total
    for x in xs:
        if x < 0:
            total = total_now
            return False
        total_now += x
    total = total_now
    return True
)py"},
    {"python/global-in-local", "NotWhereACallReadsIt",
     R"py(total = 0

def show():
    return total

def f(xs):
    global total
    for x in xs:
        total += x
        show()
)py",
     nullptr},
    {"python/global-in-local", "NotAfterItWasDone",
     R"py(total = 0

def f(xs):
    global total
    now = total
    for x in xs:
        if x:
            total = now
            return 1
        now += x
    total = now
)py",
     nullptr},
    {"python/fill-loop-to-slice", "Sieve",
     R"py(def sieve(n):
    flags = [True] * (n + 1)
    for i in range(2, n + 1):
        if flags[i]:
            for j in range(i * i, n + 1, i):
                flags[j] = False
    return flags
)py",
     R"py(def sieve(n):
    flags = [True] * (n + 1)
    for i in range(2, n + 1):
        if flags[i]:
            flags[i * i:n + 1:i] = [False] * len(range(i * i, n + 1, i))
    return flags
)py"},
    {"python/fill-loop-to-slice", "NotWithAnEndThatMayBeNegative",
     R"py(def f(n):
    xs = [1, 2, 3]
    for i in range(n):
        xs[i] = 0
    return xs
)py",
     nullptr},
    {"python/fill-loop-to-slice", "NotADictionary",
     R"py(def f(xs):
    d = {}
    for i in range(10):
        d[i] = 0
    return d
)py",
     nullptr},
    {"python/fill-loop-to-slice", "NotWhereTheIndexIsReadLater",
     R"py(def f():
    xs = [1] * 20
    for i in range(10):
        xs[i] = 0
    return xs, i
)py",
     nullptr},
    {"python/copy-loop-to-slice", "TwoLists",
     R"py(def f(xs):
    a = [0] * 10
    b = list(xs)
    for i in range(2, 10):
        a[i] = b[i]
    return a, b
)py",
     R"py(def f(xs):
    a = [0] * 10
    b = list(xs)
    a[2:10] = b[2:10]
    return a, b
)py"},
    {"python/copy-loop-to-slice", "NotFromAnythingElse",
     R"py(def f(b):
    a = [0] * 10
    for i in range(10):
        a[i] = b[i]
    return a
)py",
     nullptr},
    {"python/pair-loops-to-combinations", "AllPairs",
     R"py(import itertools

def nearest(points):
    best = 1e9
    for i in range(len(points)):
        for j in range(i + 1, len(points)):
            d = abs(points[i] - points[j])
            if d < best:
                best = d
    return best
)py",
     R"py(import itertools

def nearest(points):
    best = 1e9
    for point, other_point in itertools.combinations(points, 2):
        d = abs(point - other_point)
        if d < best:
            best = d
    return best
)py"},
    {"python/pair-loops-to-combinations", "NotWhereItemsAreStored",
     R"py(def sort(xs):
    for i in range(len(xs)):
        for j in range(i + 1, len(xs)):
            if xs[j] < xs[i]:
                xs[i], xs[j] = xs[j], xs[i]
)py",
     nullptr},
    {"python/pair-loops-to-combinations", "NotWithBreak",
     R"py(def f(xs):
    n = 0
    for i in range(len(xs)):
        for j in range(i + 1, len(xs)):
            if xs[i] == xs[j]:
                break
            n += 1
    return n
)py",
     nullptr},
    {"python/indexed-terms-to-map", "DotProduct",
     R"py(import operator

def dot(a, b):
    n = len(a)
    return sum(a[i] * b[i] for i in range(n))
)py",
     R"py(import operator

def dot(a, b):
    n = len(a)
    return sum(map(operator.mul, a[:n], b[:n]))
)py"},
    {"python/indexed-terms-to-map", "NotWithAnUnknownEnd",
     R"py(def dot(a, b, n):
    return sum(a[i] * b[i] for i in range(n))
)py",
     nullptr},
    {"python/indexed-terms-to-map", "NotWhereTheSequenceDependsOnTheIndex",
     R"py(def trace(a, b):
    return sum(a[i][i] * b[i] for i in range(len(b)))
)py",
     nullptr},
    {"python/extreme-of-many-to-comparisons", "ThreeInAnAssignment",
     R"py(def step(a, b, c, d, i):
    x = min(a + 1, b, c + d)
    d[i] = max(a, b, x) + 1
)py",
     R"py(def step(a, b, c, d, i):
    x = a + 1
    if b < x:
        x = b
    candidate = c + d
    if candidate < x:
        x = candidate
    d[i] = max(a, b, x) + 1
)py"},
    {"python/extreme-of-many-to-comparisons", "NotWithAKey",
     R"py(def f(a, b, c):
    return min(a, b, c, key=abs)
)py",
     nullptr},
    {"python/extreme-of-many-to-comparisons", "NotBehindSomethingThatRunsFirst",
     R"py(def f(a, b, c, g):
    return a and min(a, b, c)
)py",
     nullptr},
};

class PythonLoops : public testing::TestWithParam<Case> {};

TEST_P(PythonLoops, Rewrites) {
  const Case& here = GetParam();
  code::Workspace workspace;
  workspace.add({"m.py", sha256_hex(here.before), true, code::Tree::parse(code::Language::kPython, here.before)});
  std::vector<Proposal> found;
  bool known = false;
  for (const std::unique_ptr<Transformation>& transformation : python_transformations()) {
    if (transformation->name() != here.rule) continue;
    known = true;
    found = transformation->propose(workspace, *workspace.find("m.py"), {});
  }
  ASSERT_TRUE(known) << here.rule;
  if (here.after == nullptr) {
    EXPECT_TRUE(found.empty()) << found[0].title;
    return;
  }
  ASSERT_FALSE(found.empty());
  EXPECT_FALSE(found[0].note.empty());
  Edits edits;
  for (const Change& change : found[0].changes) edits.replace(change.range, change.text);
  const std::string before = here.before;
  EXPECT_EQ(edits.apply(before, {0, static_cast<std::uint32_t>(before.size())}), here.after);
}

INSTANTIATE_TEST_SUITE_P(Cases, PythonLoops, testing::ValuesIn(kCases), [](const auto& one) {
  std::string name;
  for (const char c : std::string(one.param.rule).substr(7) + "_" + one.param.name) {
    if (c != '-') name += c;
  }
  return name;
});

}  // namespace
}  // namespace jarvis2::edit::python
