# Loops over lists of numbers: sieve, matrices, edit distance, pairs, transforms, counters.
import math

hits = 0
steps = 0


def sieve(n):
    flags = [True] * (n + 1)
    flags[0] = flags[1] = False
    for i in range(2, n + 1):
        if flags[i]:
            for j in range(i * i, n + 1, i):
                flags[j] = False
    primes = []
    for i in range(n + 1):
        if flags[i]:
            primes.append(i)
    return primes


def product(a, b):
    n = len(a)
    c = [[0.0] * n for _ in range(n)]
    for i in range(n):
        for j in range(n):
            for k in range(n):
                c[i][j] += a[i][k] * b[k][j]
    return c


def solve(m, n):
    low = [row[:] for row in m]
    for i in range(n):
        for j in range(n):
            upper = low[i]
            lower = low[j]
            for k in range(min(i, j)):
                upper[j] -= upper[k] * lower[k] * 0.01
    return low


def distance(s, t):
    rows = len(s) + 1
    cols = len(t) + 1
    d = [[0 for _ in range(cols)] for _ in range(rows)]
    for i in range(rows):
        d[i][0] = i
    for j in range(cols):
        d[0][j] = j
    for i in range(1, rows):
        for j in range(1, cols):
            cost = 0 if s[i - 1] == t[j - 1] else 1
            d[i][j] = min(d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + cost)
    return d[rows - 1][cols - 1]


def closest(points):
    best = 1e9
    for i in range(len(points)):
        for j in range(i + 1, len(points)):
            dx = points[i][0] - points[j][0]
            dy = points[i][1] - points[j][1]
            if dx * dx + dy * dy == 0:
                continue
            best = min(best, (dx * dx + dy * dy) ** 0.5, 50.0)
    return best


def transform(xs):
    n = len(xs)
    out = []
    for k in range(n):
        re = 0.0
        im = 0.0
        for i, x in enumerate(xs):
            re += x * math.cos(2.0 * math.pi * k * i / n)
            im -= x * math.sin(2.0 * math.pi * k * i / n)
        out.append((re, im))
    return out


def dot(a, b):
    n = len(a)
    return sum(a[i] * b[i] for i in range(n))


def kick(bodies, dt):
    for (r, v, m) in bodies:
        r[0] += dt * v[0]
        r[1] += dt * v[1]
        v[0] -= dt * m
        v[1] -= dt * (m - dt)


def count(xs, limit):
    global hits, steps
    for x in xs:
        steps += 1
        if x > limit:
            return False
        if x % 3 == 0:
            hits += 1
    return True


def moved(n):
    a = [0] * n
    b = list(range(n))
    for i in range(len(a)):
        a[i] = b[i]
    for i in range(2, 5):
        a[i] = -1
    return a


def relax(grid, rounds):
    width = len(grid[0])
    height = len(grid)
    for _ in range(rounds):
        for i in range(1, height - 1):
            for j in range(1, width - 1):
                grid[i][j] = 0.25 * (grid[i - 1][j] + grid[i + 1][j] + grid[i][j - 1] + grid[i][j + 1])
    return grid


print(sieve(60))
print(product([[1.5, 2.0, 0.1], [3.0, 4.25, 7.0], [1.0, 0.3, 2.0]], [[5.0, 6.0, 1.1], [7.0, 8.5, 2.2], [0.7, 0.1, 3.0]]))
print(solve([[float(i * j + 1) for j in range(4)] for i in range(4)], 4))
print(distance("kitten", "sitting"), distance("", "abc"))
print(closest([(0.0, 1.0), (5.0, 2.5), (5.0, 2.5), (3.0, 3.0)]), closest([]))
print(transform([1.0, 2.0, 0.5, -1.0]), transform([3.0, 2.0, 0.5, -1.0]))
print(dot([1.5, 2.5], [3.0, 4.0, 5.0]))
bodies = [([0.0, 1.0], [2.0, 3.0], 0.5), ([4.0, 1.5], [2.5, -3.0], 0.25)]
kick(bodies, 0.1)
kick(bodies, 0.1)
print(bodies)
print(count([1, 3, 6, 7], 100), count([3, 200, 3], 100), count([], 1), hits, steps)
print(moved(8))
print(relax([[float(i * j % 7) for j in range(6)] for i in range(5)], 4))
