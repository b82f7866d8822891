"""Recursion, sums, matrices, trees, defaults, slices."""
import functools


def fib(n):
    if n < 2:
        return n
    return fib(n - 1) + fib(n - 2)


def gcd(a, b):
    if b == 0:
        return a
    return gcd(b, a % b)


def binomial(n, k):
    if k == 0 or k == n:
        return 1
    return binomial(n - 1, k - 1) + binomial(n - 1, k)


def dot(a, b):
    total = 0
    for x, y in zip(a, b):
        total += x * y
    return total


def multiply(m, v):
    return [dot(row, v) for row in m]


def power(m, v, times):
    i = 0
    while i < times:
        v = multiply(m, v)
        i += 1
    return v


class Matrix:
    def __init__(self, n):
        self.n = n
        self.data = [0] * (n * n)

    def __getitem__(self, at):
        return self.data[at[0] * self.n + at[1]]

    def __setitem__(self, at, value):
        self.data[at[0] * self.n + at[1]] = value

    def __len__(self):
        return self.n


class Tree:
    def __init__(self, key, left=None, right=None):
        self.key = key
        self.left = left
        self.right = right

    def insert(self, key):
        if key < self.key:
            if self.left is None:
                self.left = Tree(key)
            else:
                self.left.insert(key)
        else:
            if self.right is None:
                self.right = Tree(key)
            else:
                self.right.insert(key)

    def walk(self):
        if self.left is not None:
            yield from self.left.walk()
        yield self.key
        if self.right is not None:
            yield from self.right.walk()

    def depth(self):
        left = self.left.depth() if self.left is not None else 0
        right = self.right.depth() if self.right is not None else 0
        return 1 + max(left, right)


class Account:
    rate = 2

    def __init__(self, owner, balance=0):
        self.owner = owner
        self.balance = balance
        self.history = []

    def deposit(self, amount):
        self.balance += amount
        self.history.append(amount)
        return self

    def interest(self):
        return self.balance * self.rate // 100


class Savings(Account):
    rate = 5

    def interest(self):
        return super().interest() + 1


def pair_count(values, target):
    count = 0
    for i in range(len(values)):
        for j in range(i + 1, len(values)):
            if values[i] + values[j] == target:
                count += 1
    return count


def bounds(values):
    low = values[0]
    high = values[0]
    for v in values:
        low = min(low, v)
        high = max(high, v)
    result = (low, high)
    return result[1] - result[0]


def squares(n):
    out = []
    for i in range(n):
        if i % 3:
            out.append(i * i)
    return out


def check(values, limit):
    if all(v < limit for v in values) and any(v == 4 for v in values):
        return "ok"
    return "no"


def main():
    print(fib(15), gcd(1071, 462), binomial(10, 4))
    print(power([[1, 2], [3, 4]], [1, 1], 6))
    m = Matrix(3)
    for i in range(3):
        for j in range(3):
            m[i, j] = i * 3 + j
    print(sum(m[i, i] for i in range(len(m))), len(m))
    tree = Tree(50)
    for key in [30, 70, 20, 40, 60, 80, 10]:
        tree.insert(key)
    print(list(tree.walk()), tree.depth())
    accounts = [Account("ann"), Savings("bob", 100)]
    for account in accounts:
        account.deposit(50).deposit(25)
    print([(a.owner, a.balance, a.interest(), a.history) for a in accounts])
    print(pair_count([1, 5, 3, 3, 2, 4], 6), bounds([4, 9, 2, 7]), squares(8))
    print(check([1, 4], 5), check([1, 9], 5), functools.reduce(gcd, [12, 18, 27]))
    total = sum(x * x for x in range(10) if x % 2)
    print(total)


main()
