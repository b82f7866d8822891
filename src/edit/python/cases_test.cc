// One case a line of behaviour: what a transformation makes of a small program, and what it must leave alone.
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
    {"python/inline-function", "ExpressionBody",
     R"py(def area(w, h):
    return w * h

def total(rooms):
    t = 0
    for w, h in rooms:
        t += area(w, h) + 1  # one more
    return t
)py",
     R"py(def area(w, h):
    return w * h

def total(rooms):
    t = 0
    for w, h in rooms:
        t += (w * h) + 1  # one more
    return t
)py"},
    {"python/inline-function", "TailReturnsBecomeAssignments",
     R"py(def clamp(x, low, high=10):
    """Doc."""
    if x < low:
        return low
    if x > high:
        return high
    return x

def use(xs):
    out = []
    for x in xs:
        y = clamp(x + 1, 0)
        out.append(y)
    return out
)py",
     R"py(def clamp(x, low, high=10):
    """Doc."""
    if x < low:
        return low
    if x > high:
        return high
    return x

def use(xs):
    out = []
    for x in xs:
        x_clamp = x + 1
        if x_clamp < 0:
            y = 0
        else:
            if x_clamp > 10:
                y = 10
            else:
                y = x_clamp
        out.append(y)
    return out
)py"},
    {"python/inline-function", "LoopWithReturnBecomesLoopElse",
     R"py(def first_even(xs):
    for x in xs:
        if x % 2 == 0:
            return x
    return None

def use(lists):
    found = first_even(lists[0])
    return found
)py",
     R"py(def first_even(xs):
    for x in xs:
        if x % 2 == 0:
            return x
    return None

def use(lists):
    xs = lists[0]
    for x in xs:
        if x % 2 == 0:
            found = x
            break
    else:
        found = None
    return found
)py"},
    {"python/inline-function", "ReturnedCallKeepsReturns",
     R"py(def pick(a, b):
    while a:
        if a in b:
            return a
        a -= 1

def use(n, b):
    return pick(n, b)
)py",
     R"py(def pick(a, b):
    while a:
        if a in b:
            return a
        a -= 1

def use(n, b):
    a = n
    while a:
        if a in b:
            return a
        a -= 1
    return None
)py"},
    {"python/inline-function", "BodyRunsBeforeTheStatement",
     R"py(def norm(v):
    s = 0
    for x in v:
        s += x * x
    return s

def use(v, k):
    if norm(v) > k:
        return 1
    return 0
)py",
     R"py(def norm(v):
    s = 0
    for x in v:
        s += x * x
    return s

def use(v, k):
    s = 0
    for x in v:
        s += x * x
    norm_result = s
    if norm_result > k:
        return 1
    return 0
)py"},
    {"python/inline-function", "Rebound",
     R"py(def f(x):
    return x + 1

def g(x):
    return f(x)

f = g
)py",
     nullptr},
    {"python/inline-function", "Recursive",
     R"py(def f(x):
    return f(x - 1) if x else 0

def g(x):
    return f(x)
)py",
     nullptr},
    {"python/inline-function", "ShadowedName",
     R"py(LIMIT = 3

def f(x):
    return x + LIMIT

def g(LIMIT):
    return f(LIMIT)
)py",
     nullptr},
    {"python/inline-function", "StarArguments",
     R"py(def f(*xs):
    return len(xs)

def g(a):
    return f(a, a)
)py",
     nullptr},
    {"python/inline-function", "WhileConditionNeedsStatements",
     R"py(def f(x):
    y = x + 1
    return y

def g(a):
    while f(a):
        a -= 1
)py",
     nullptr},
    {"python/inline-function", "EarlierPartWouldChange",
     R"py(def f(state):
    state.n += 1
    return state.n

def g(state):
    return state.n + f(state)
)py",
     nullptr},
    {"python/inline-function", "GlobalStore",
     R"py(count = 0

def f():
    global count
    count += 1

def g():
    f()
)py",
     nullptr},
    {"python/inline-method", "SelfAndChain",
     R"py(class Point:
    def __init__(self, x):
        self.x = x

    def shift(self, d):
        self.x += d
        return self

    def twice(self):
        self.shift(1)
        self.shift(2)
)py",
     R"py(class Point:
    def __init__(self, x):
        self.x = x

    def shift(self, d):
        self.x += d
        return self

    def twice(self):
        self.x += 1
        self.x += 2
)py"},
    {"python/inline-method", "SuperWithSingleBases",
     R"py(class A:
    def __init__(self, n):
        self.n = n

class B(A):
    def __init__(self, n, m):
        super().__init__(n)
        self.m = m
)py",
     R"py(class A:
    def __init__(self, n):
        self.n = n

class B(A):
    def __init__(self, n, m):
        self.n = n
        self.m = m
)py"},
    {"python/inline-method", "ReceiverIsBoundFirst",
     R"py(class Box:
    def __init__(self, items):
        self.items = items

    def last_or(self, other):
        items = self.items
        if items:
            return items[-1]
        return other

def use(boxes, i):
    x = boxes[i].last_or(None)
    return x
)py",
     R"py(class Box:
    def __init__(self, items):
        self.items = items

    def last_or(self, other):
        items = self.items
        if items:
            return items[-1]
        return other

def use(boxes, i):
    boxes_i = boxes[i]
    items = boxes_i.items
    if items:
        x = items[-1]
    else:
        x = None
    return x
)py"},
    {"python/inline-method", "Overridden",
     R"py(class A:
    def size(self):
        return 1
    def twice(self):
        return self.size() * 2

class B(A):
    def size(self):
        return 2
)py",
     nullptr},
    {"python/inline-method", "OfferedToOthersWhoMayOverride",
     R"py(__all__ = ["A"]

class A:
    def size(self):
        return 1
    def twice(self):
        return self.size() * 2
)py",
     nullptr},
    {"python/inline-method", "PatchedOnAnInstance",
     R"py(class A:
    def size(self):
        return 1

def use(a):
    return a.size()

a = A()
a.size = lambda: 3
)py",
     nullptr},
    {"python/inline-method", "NameOfABuiltinMethod",
     R"py(class Bag:
    def __init__(self):
        self.xs = []
    def append(self, x):
        self.xs += [x]

def use(bag):
    bag.append(1)
)py",
     nullptr},
    {"python/inline-property", "Getter",
     R"py(class Node:
    def __init__(self, parent):
        self._parent = parent

    @property
    def parent(self):
        return self._parent

def depth(node):
    n = 0
    while node.parent is not None:
        node = node.parent
        n += 1
    return n
)py",
     R"py(class Node:
    def __init__(self, parent):
        self._parent = parent

    @property
    def parent(self):
        return self._parent

def depth(node):
    n = 0
    while node._parent is not None:
        node = node._parent
        n += 1
    return n
)py"},
    {"python/inline-property", "AnotherAttributeOfTheName",
     R"py(class Node:
    @property
    def parent(self):
        return 1

class Other:
    def __init__(self):
        self.parent = 2

def use(node):
    return node.parent
)py",
     nullptr},
    {"python/inline-operator", "AddOfKnownClass",
     R"py(class V:
    def __init__(self, x, y):
        self.x = x
        self.y = y

    def __add__(self, o):
        return V(self.x + o.x, self.y + o.y)

def walk(steps):
    p = V(0, 0)
    for s in steps:
        p = p + V(s, 1)
    return p.x
)py",
     R"py(class V:
    def __init__(self, x, y):
        self.x = x
        self.y = y

    def __add__(self, o):
        return V(self.x + o.x, self.y + o.y)

def walk(steps):
    p = V(0, 0)
    for s in steps:
        o = V(s, 1)
        p = V(p.x + o.x, p.y + o.y)
    return p.x
)py"},
    {"python/inline-operator", "ItemOfKnownClass",
     R"py(class Grid:
    def __init__(self, w, h):
        self.w = w
        self.cells = [0] * (w * h)

    def __getitem__(self, at):
        return self.cells[at]

def total():
    g = Grid(3, 4)
    t = 0
    for i in range(12):
        t += g[i]
    return t
)py",
     R"py(class Grid:
    def __init__(self, w, h):
        self.w = w
        self.cells = [0] * (w * h)

    def __getitem__(self, at):
        return self.cells[at]

def total():
    g = Grid(3, 4)
    t = 0
    for i in range(12):
        t += g.cells[i]
    return t
)py"},
    {"python/inline-operator", "UnknownOperand",
     R"py(class V:
    def __init__(self, x):
        self.x = x
    def __add__(self, o):
        return V(self.x + o.x)

def use(a, b):
    return a + b
)py",
     nullptr},
    {"python/inline-generator", "YieldBecomesBody",
     R"py(def pairs(n):
    for i in range(n):
        for j in range(i):
            yield i, j

def count(n):
    c = 0
    for a, b in pairs(n):
        if a + b == n:
            c += 1
    return c
)py",
     R"py(def pairs(n):
    for i in range(n):
        for j in range(i):
            yield i, j

def count(n):
    c = 0
    for i in range(n):
        for j in range(i):
            a, b = i, j
            if a + b == n:
                c += 1
    return c
)py"},
    {"python/inline-generator", "BreakInTheLoop",
     R"py(def numbers(n):
    i = 0
    while i < n:
        yield i
        i += 1

def use(n):
    for x in numbers(n):
        if x == 3:
            break
)py",
     nullptr},
    {"python/inline-generator", "LoopChangesArgument",
     R"py(def numbers(n):
    i = 0
    while i < n:
        yield i
        i += 1

def use(n):
    t = 0
    for x in numbers(n):
        n -= 1
        t += x
    return t + n
)py",
     nullptr},
    {"python/scalar-replace", "ObjectUsedByFields",
     R"py(class P:
    def __init__(self, x, y):
        self.x = x
        self.y = y

def length(a, b):
    d = P(a.x - b.x, a.y - b.y)
    return d.x * d.x + d.y * d.y
)py",
     R"py(class P:
    def __init__(self, x, y):
        self.x = x
        self.y = y

def length(a, b):
    d_x = a.x - b.x
    d_y = a.y - b.y
    return d_x * d_x + d_y * d_y
)py"},
    {"python/scalar-replace", "ReturnedObjectIsMadeAtTheEnd",
     R"py(class P:
    def __init__(self, x, y):
        self.x = x
        self.y = y

def middle(points):
    m = P(0, 0)
    for p in points:
        m.x += p.x
        m.y += p.y
    return m
)py",
     R"py(class P:
    def __init__(self, x, y):
        self.x = x
        self.y = y

def middle(points):
    m_x = 0
    m_y = 0
    for p in points:
        m_x += p.x
        m_y += p.y
    return P(m_x, m_y)
)py"},
    {"python/scalar-replace", "LoopCarried",
     R"py(class P:
    def __init__(self, x, y):
        self.x = x
        self.y = y

def spin(n):
    p = P(1, 2)
    for _ in range(n):
        p = P(p.y, p.x + 1)
    return p.x
)py",
     R"py(class P:
    def __init__(self, x, y):
        self.x = x
        self.y = y

def spin(n):
    p_x = 1
    p_y = 2
    for _ in range(n):
        p_x, p_y = p_y, p_x + 1
    return p_x
)py"},
    {"python/scalar-replace", "Tuple",
     R"py(def use(a, b):
    t = (a + b, a - b)
    x, y = t
    return t[0] * x + y
)py",
     R"py(def use(a, b):
    t_0 = a + b
    t_1 = a - b
    x, y = t_0, t_1
    return t_0 * x + y
)py"},
    {"python/scalar-replace", "Escapes",
     R"py(class P:
    def __init__(self, x):
        self.x = x

def use(out):
    p = P(1)
    p.x += 1
    out.append(p)
    return p.x
)py",
     nullptr},
    {"python/scalar-replace", "ConstructorDoesMore",
     R"py(seen = []

class P:
    def __init__(self, x):
        self.x = x
        seen.append(x)

def use():
    p = P(1)
    return p.x
)py",
     nullptr},
    {"python/scalar-replace", "Captured",
     R"py(class P:
    def __init__(self, x):
        self.x = x

def use():
    p = P(1)
    return lambda: p.x
)py",
     nullptr},
    {"python/hoist-invariant-call", "PureCalls",
     R"py(import math

def f(xs, limit):
    n = 0
    for x in xs:
        if x > math.sqrt(limit) and n < len(xs):
            n += 1
    return n
)py",
     R"py(import math

def f(xs, limit):
    n = 0
    math_sqrt_limit = math.sqrt(limit)
    for x in xs:
        if x > math_sqrt_limit and n < len(xs):
            n += 1
    return n
)py"},
    {"python/hoist-invariant-call", "ContainerGrows",
     R"py(def f(xs):
    i = 0
    while i < len(xs):
        xs.append(0) if i == 2 else None
        i += 1
)py",
     nullptr},
    {"python/hoist-invariant-call", "Impure",
     R"py(import random

def f(n):
    t = 0
    for i in range(n):
        t += random.randint(1, 6) * 2
    return t
)py",
     nullptr},
    {"python/hoist-invariant-constructor", "FrozenObject",
     R"py(class V:
    def __init__(self, x, y):
        self.x = x
        self.y = y

    def dot(self, o):
        return self.x * o.x + self.y * o.y

def light(points):
    t = 0
    for p in points:
        t += p.dot(V(1, 2))
    return t
)py",
     R"py(class V:
    def __init__(self, x, y):
        self.x = x
        self.y = y

    def dot(self, o):
        return self.x * o.x + self.y * o.y

def light(points):
    t = 0
    V_1_2 = V(1, 2)
    for p in points:
        t += p.dot(V_1_2)
    return t
)py"},
    {"python/hoist-invariant-constructor", "ChangedLater",
     R"py(class V:
    def __init__(self, x):
        self.x = x

def f(points):
    out = []
    for p in points:
        v = V(0)
        v.x += p
        out.append(v)
    return out
)py",
     nullptr},
    {"python/hoist-subscript", "RowOfMatrix",
     R"py(def mul(m, v, n):
    out = [0] * n
    for i in range(n):
        t = 0
        for j in range(n):
            t += m[i][j] * v[j]
        out[i] = t
    return out
)py",
     R"py(def mul(m, v, n):
    out = [0] * n
    for i in range(n):
        t = 0
        m_i = m[i]
        for j in range(n):
            t += m_i[j] * v[j]
        out[i] = t
    return out
)py"},
    {"python/hoist-subscript", "StoredInLoop",
     R"py(def f(m, n):
    for i in range(n):
        m[0] = m[0] + i
)py",
     nullptr},
    {"python/hoist-subscript", "NotInEveryIteration",
     R"py(def f(m, k, n):
    t = 0
    for i in range(n):
        if i in k:
            t += m[7][i]
    return t
)py",
     nullptr},
    {"python/hoist-attribute-chain", "SelfAndModule",
     R"py(import math

class Sim:
    def __init__(self):
        self.dt = 0.1
        self.bodies = []

    def run(self, n):
        for i in range(n):
            for b in self.bodies:
                b.x += math.sin(b.v) * self.dt
                b.v -= self.dt
)py",
     R"py(import math

class Sim:
    def __init__(self):
        self.dt = 0.1
        self.bodies = []

    def run(self, n):
        math_sin = math.sin
        self_dt = self.dt
        for i in range(n):
            for b in self.bodies:
                b.x += math_sin(b.v) * self_dt
                b.v -= self_dt
)py"},
    {"python/hoist-attribute-chain", "StoredByACallee",
     R"py(class Sim:
    def __init__(self):
        self.dt = 0.1

    def tick(self):
        self.dt *= 2

    def run(self, n):
        t = 0
        for i in range(n):
            self.tick()
            t += self.dt + self.dt
        return t
)py",
     nullptr},
    {"python/hoist-attribute-chain", "UnknownCallMayStore",
     R"py(class Sim:
    def __init__(self):
        self.dt = 0.1

    def set(self, dt):
        self.dt = dt

    def run(self, n, callback):
        t = 0
        for i in range(n):
            callback()
            t += self.dt + self.dt
        return t
)py",
     nullptr},
    {"python/hoist-attribute-chain", "GuardedByCondition",
     R"py(def total(node, n):
    t = 0
    for i in range(n):
        if node is not None:
            t += node.left.value + node.left.value
    return t
)py",
     nullptr},
    {"python/hoist-arithmetic", "Product",
     R"py(def fill(out, n, k, scale):
    for i in range(n):
        out[i] = i + k * scale
)py",
     R"py(def fill(out, n, k, scale):
    k_times_scale = k * scale
    for i in range(n):
        out[i] = i + k_times_scale
)py"},
    {"python/hoist-arithmetic", "OperandChanges",
     R"py(def fill(out, n, k):
    for i in range(n):
        out[i] = 1 + k * 2
        k += 1
)py",
     nullptr},
    {"python/attribute-in-local", "Counter",
     R"py(class Lexer:
    def __init__(self, text):
        self.text = text
        self.pos = 0

    def skip(self):
        while self.pos < len(self.text) and self.text[self.pos] == " ":
            self.pos += 1
        return self.pos
)py",
     R"py(class Lexer:
    def __init__(self, text):
        self.text = text
        self.pos = 0

    def skip(self):
        pos_now = self.pos
        while pos_now < len(self.text) and self.text[pos_now] == " ":
            pos_now += 1
        self.pos = pos_now
        return self.pos
)py"},
    {"python/attribute-in-local", "ACalleeReadsIt",
     R"py(class Lexer:
    def __init__(self):
        self.pos = 0

    def peek(self):
        return self.pos

    def skip(self, n):
        while self.peek() < n:
            self.pos += 1
)py",
     nullptr},
    {"python/attribute-in-local", "ReturnInside",
     R"py(class C:
    def __init__(self):
        self.n = 0

    def f(self, xs):
        for x in xs:
            self.n += 1
            if x == self.n:
                return x
)py",
     nullptr},
    {"python/reuse-pure-expression", "ItemsAndChains",
     R"py(def f(board, x, y):
    board.cells[y][x] = board.cells[y][x - 1] + board.cells[y][x + 1]
)py",
     R"py(def f(board, x, y):
    board_cells_y = board.cells[y]
    board_cells_y[x] = board_cells_y[x - 1] + board_cells_y[x + 1]
)py"},
    {"python/reuse-pure-expression", "Arithmetic",
     R"py(def f(i, j):
    return 1.0 / ((i + j) * (i + j + 1) // 2 + i + 1)
)py",
     R"py(def f(i, j):
    i_plus_j = i + j
    return 1.0 / (i_plus_j * (i_plus_j + 1) // 2 + i + 1)
)py"},
    {"python/reuse-pure-expression", "StoredBetween",
     R"py(def f(xs, i):
    a = xs[i] + 1
    xs[i] = a
    b = xs[i] + 2
    return a + b
)py",
     nullptr},
    {"python/reuse-pure-expression", "FreshLists",
     R"py(def f(n):
    a = list(range(n))
    b = list(range(n))
    return a, b
)py",
     nullptr},
    {"python/sum-generator-to-loop", "Sum",
     R"py(def f(xs):
    total = sum(x * x for x in xs if x > 0)
    return total
)py",
     R"py(def f(xs):
    total = 0
    for x in xs:
        if x > 0:
            total += x * x
    return total
)py"},
    {"python/sum-generator-to-loop", "AnyReturned",
     R"py(def f(xs, x):
    return any(x == y for y in xs)
)py",
     R"py(def f(xs, x):
    for y in xs:
        if x == y:
            return True
    return False
)py"},
    {"python/sum-generator-to-loop", "AllInCondition",
     R"py(def f(xs):
    if all(x > 0 for x in xs):
        return 1
    return 2
)py",
     R"py(def f(xs):
    every = True
    for x in xs:
        if not (x > 0):
            every = False
            break
    if every:
        return 1
    return 2
)py"},
    {"python/sum-generator-to-loop", "Rebound",
     R"py(def sum(xs):
    return 0

def f(xs):
    total = sum(x * x for x in xs)
    return total
)py",
     nullptr},
    {"python/min-max-to-conditional", "Names",
     R"py(def f(a, b, c):
    low = min(a, b)
    return low + max(c, 0)
)py",
     R"py(def f(a, b, c):
    low = b if b < a else a
    return low + max(c, 0)
)py"},
    {"python/min-max-to-conditional", "Iterable",
     R"py(def f(xs):
    return max(xs)
)py",
     nullptr},
    {"python/min-max-to-conditional", "WithKey",
     R"py(def f(a, b):
    return max(a, b, key=len)
)py",
     nullptr},
    {"python/unroll-small-loop", "Axes",
     R"py(def add(a, b):
    for k in range(3):
        a[k] += b[k]
    return a
)py",
     R"py(def add(a, b):
    a[0] += b[0]
    a[1] += b[1]
    a[2] += b[2]
    return a
)py"},
    {"python/unroll-small-loop", "Break",
     R"py(def f(a):
    for k in range(3):
        if a[k]:
            break
    return k
)py",
     nullptr},
    {"python/while-to-for-range", "Counter",
     R"py(def f(xs, n):
    t = 0
    i = 0
    while i < n:
        t += xs[i]
        i += 1
    return t
)py",
     R"py(def f(xs, n):
    t = 0
    for i in range(n):
        t += xs[i]
    return t
)py"},
    {"python/while-to-for-range", "DownByTwo",
     R"py(def f(n):
    t = 0
    i = n
    while i >= 0:
        t += i
        i -= 2
    return t
)py",
     R"py(def f(n):
    t = 0
    i = n
    for i in range(i, 0 - 1, -2):
        t += i
    return t
)py"},
    {"python/while-to-for-range", "ReadAfterwards",
     R"py(def f(n):
    i = 0
    while i < n:
        print(i)
        i += 1
    return i
)py",
     nullptr},
    {"python/while-to-for-range", "BoundMoves",
     R"py(def f(xs):
    i = 0
    while i < len(xs):
        xs.append(i) if i == 1 else None
        i += 1
)py",
     nullptr},
    {"python/while-to-for-range", "Continue",
     R"py(def f(n):
    i = 0
    while i < n:
        if n == 3:
            continue
        print(i)
        i += 1
)py",
     nullptr},
    {"python/slots", "Family",
     R"py(class A(object):
    """Doc."""

    kind = 1

    def __init__(self):
        self.x = 1

class B(A):
    def __init__(self):
        A.__init__(self)
        self.y = 2

def use(b):
    b.z = b.x + b.y
)py",
     R"py(class A(object):
    """Doc."""

    __slots__ = ("x", "z")

    kind = 1

    def __init__(self):
        self.x = 1

class B(A):
    __slots__ = ("y",)

    def __init__(self):
        A.__init__(self)
        self.y = 2

def use(b):
    b.z = b.x + b.y
)py"},
    {"python/slots", "UnknownBase",
     R"py(from other import Base

class A(Base):
    def __init__(self):
        self.x = 1
)py",
     nullptr},
    {"python/slots", "DictIsUsed",
     R"py(class A:
    def __init__(self):
        self.x = 1

    def dump(self):
        return self.__dict__
)py",
     nullptr},
    {"python/slots", "ClassAttributeIsTheDefault",
     R"py(class A:
    x = 0

    def bump(self):
        self.x += 1
)py",
     nullptr},
    {"python/cache-pure-recursion", "Fibonacci",
     R"py("""Doc."""
import sys

def fib(n):
    if n < 2:
        return n
    return fib(n - 1) + fib(n - 2)

print(fib(int(sys.argv[1])))
)py",
     R"py("""Doc."""
import functools
import sys

@functools.cache
def fib(n):
    if n < 2:
        return n
    return fib(n - 1) + fib(n - 2)

print(fib(int(sys.argv[1])))
)py"},
    {"python/cache-pure-recursion", "Prints",
     R"py(def fib(n):
    print(n)
    if n < 2:
        return n
    return fib(n - 1) + fib(n - 2)
)py",
     nullptr},
    {"python/cache-pure-recursion", "ReturnsLists",
     R"py(def f(n):
    if n == 0:
        return []
    return f(n - 1) + f(n - 1)
)py",
     nullptr},
    {"python/tail-recursion-to-loop", "Gcd",
     R"py(def gcd(a, b):
    if b == 0:
        return a
    return gcd(b, a % b)
)py",
     R"py(def gcd(a, b):
    while True:
        if b == 0:
            return a
        a, b = b, a % b
        continue
)py"},
    {"python/tail-recursion-to-loop", "NotInTailPosition",
     R"py(def fact(n):
    if n == 0:
        return 1
    return n * fact(n - 1)
)py",
     nullptr},
    {"python/list-membership-to-set", "Constant",
     R"py(VOWELS = ["a", "e", "i", "o", "u"]

def count(text):
    n = 0
    for c in text:
        if c in VOWELS:
            n += 1
    return n
)py",
     R"py(VOWELS = {"a", "e", "i", "o", "u"}

def count(text):
    n = 0
    for c in text:
        if c in VOWELS:
            n += 1
    return n
)py"},
    {"python/list-membership-to-set", "AlsoIterated",
     R"py(VOWELS = ["a", "e", "i", "o", "u"]

def count(text):
    n = 0
    for c in text:
        if c in VOWELS:
            n += 1
    return n, [v for v in VOWELS]
)py",
     nullptr},
    {"python/pop-front-to-deque", "Queue",
     R"py(def bfs(graph, start):
    todo = [start]
    seen = {start}
    while todo:
        node = todo.pop(0)
        for other in graph[node]:
            if other not in seen:
                seen.add(other)
                todo.append(other)
    return seen
)py",
     R"py(from collections import deque

def bfs(graph, start):
    todo = deque([start])
    seen = {start}
    while todo:
        node = todo.popleft()
        for other in graph[node]:
            if other not in seen:
                seen.add(other)
                todo.append(other)
    return seen
)py"},
    {"python/pop-front-to-deque", "Escapes",
     R"py(def f(xs):
    todo = [1]
    todo.pop(0)
    return todo
)py",
     nullptr},
    {"python/append-loop-to-comprehension", "Nested",
     R"py(def f(rows):
    out = []
    for row in rows:
        for x in row:
            if x:
                out.append(x * 2)
    return out
)py",
     R"py(def f(rows):
    out = [x * 2 for row in rows for x in row if x]
    return out
)py"},
    {"python/append-loop-to-comprehension", "ListIsRead",
     R"py(def f(xs):
    out = []
    for x in xs:
        out.append(x + len(out))
    return out
)py",
     nullptr},
    {"python/range-len-to-enumerate", "ValuesOnly",
     R"py(def f(items):
    t = 0
    for i in range(len(items)):
        t += items[i] * 2
    return t
)py",
     R"py(def f(items):
    t = 0
    for item in items:
        t += item * 2
    return t
)py"},
    {"python/range-len-to-enumerate", "IndexToo",
     R"py(def f(values):
    t = 0
    for i in range(len(values)):
        t += values[i] * i
    return t
)py",
     R"py(def f(values):
    t = 0
    for i, value in enumerate(values):
        t += value * i
    return t
)py"},
    {"python/range-len-to-enumerate", "Stored",
     R"py(def f(items):
    for i in range(len(items)):
        items[i] = items[i] + 1
)py",
     nullptr},
    {"python/generator-to-list", "Consumers",
     R"py(def f(xs):
    return ",".join(str(x) for x in xs)
)py",
     R"py(def f(xs):
    return ",".join([str(x) for x in xs])
)py"},
    {"python/generator-to-list", "StopsEarly",
     R"py(def f(xs):
    return any(x for x in xs)
)py",
     nullptr},
    {"python/comprehension-to-loop", "CalleeHasStatements",
     R"py(def dot(row, v):
    t = 0
    for a, b in zip(row, v):
        t += a * b
    return t

def mul(m, v):
    return [dot(row, v) for row in m]
)py",
     R"py(def dot(row, v):
    t = 0
    for a, b in zip(row, v):
        t += a * b
    return t

def mul(m, v):
    items = []
    for row in m:
        items.append(dot(row, v))
    return items
)py"},
    {"python/comprehension-to-loop", "NothingToInline",
     R"py(def mul(m):
    return [abs(x) for x in m]
)py",
     nullptr},
    {"python/keyword-to-positional", "InOrder",
     R"py(def area(w, h, d=1):
    return w * h * d

def f(a):
    return area(a, h=2, d=3)
)py",
     R"py(def area(w, h, d=1):
    return w * h * d

def f(a):
    return area(a, 2, 3)
)py"},
    {"python/keyword-to-positional", "OutOfOrder",
     R"py(def area(w, h):
    return w * h

def f(a, b):
    return area(h=a(), w=b())
)py",
     nullptr},
    {"python/merge-temporary", "UsedNext",
     R"py(def f(a, b):
    s = a + b
    return s * 2
)py",
     R"py(def f(a, b):
    return (a + b) * 2
)py"},
    {"python/merge-temporary", "SomethingRunsBefore",
     R"py(def f(a, g):
    s = a.x
    return g() + s
)py",
     nullptr},
};

class PythonTransformation : public testing::TestWithParam<Case> {};

TEST_P(PythonTransformation, Rewrites) {
  const Case& here = GetParam();
  code::Workspace workspace;
  workspace.add({"m.py", sha256_hex(here.before), true, code::Tree::parse(code::Language::kPython, here.before)});
  bool known = false;
  for (const std::unique_ptr<Transformation>& transformation : python_transformations()) {
    if (transformation->name() != here.rule) continue;
    known = true;
    const std::vector<Proposal> found = transformation->propose(workspace, *workspace.find("m.py"), {});
    if (here.after == nullptr) {
      EXPECT_TRUE(found.empty()) << found[0].title;
      continue;
    }
    ASSERT_FALSE(found.empty());
    EXPECT_EQ(found[0].rule, here.rule);
    EXPECT_FALSE(found[0].title.empty());
    EXPECT_TRUE(found[0].safety == Safety::kAlwaysSafe || !found[0].note.empty());
    Edits edits;
    for (const Change& change : found[0].changes) edits.replace(change.range, change.text);
    const std::string before = here.before;
    EXPECT_EQ(edits.apply(before, {0, static_cast<std::uint32_t>(before.size())}), here.after);
  }
  EXPECT_TRUE(known) << here.rule;
}

std::string case_name(const testing::TestParamInfo<Case>& info) {
  std::string name;
  for (const char c : std::string(info.param.rule).substr(7) + "_" + info.param.name) {
    if (c != '-') name += c;
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(Cases, PythonTransformation, testing::ValuesIn(kCases), case_name);

TEST(PythonTransformations, KeepLineEndsAndTabs) {
  const std::string before =
      "def f(x):\r\n\tif x:\r\n\t\treturn 1\r\n\treturn 2\r\n\r\ndef g(xs):\r\n\tt = 0\r\n"
      "\tfor x in xs:\r\n\t\tt = f(x)\r\n\treturn t\r\n";
  code::Workspace workspace;
  workspace.add({"m.py", sha256_hex(before), true, code::Tree::parse(code::Language::kPython, before)});
  for (const std::unique_ptr<Transformation>& transformation : python_transformations()) {
    if (transformation->name() != "python/inline-function") continue;
    const std::vector<Proposal> found = transformation->propose(workspace, *workspace.find("m.py"), {});
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].changes[0].text, "if x:\r\n\t\t\tt = 1\r\n\t\telse:\r\n\t\t\tt = 2");
  }
}

TEST(PythonTransformations, OnlyWhereAsked) {
  const std::string before = "def f(a, b):\n    return min(a, b)\n\ndef g(a, b):\n    return max(a, b)\n";
  code::Workspace workspace;
  workspace.add({"m.py", sha256_hex(before), true, code::Tree::parse(code::Language::kPython, before)});
  for (const std::unique_ptr<Transformation>& transformation : python_transformations()) {
    const std::vector<Proposal> found = transformation->propose(workspace, *workspace.find("m.py"), {{0, 10}});
    for (const Proposal& proposal : found) EXPECT_LT(proposal.site.begin, 40u) << proposal.title;
  }
  code::Workspace fixed;
  fixed.add({"m.py", sha256_hex(before), false, code::Tree::parse(code::Language::kPython, before)});
  for (const std::unique_ptr<Transformation>& transformation : python_transformations())
    EXPECT_TRUE(transformation->propose(fixed, *fixed.find("m.py"), {}).empty());
}

}  // namespace
}  // namespace jarvis2::edit::python
