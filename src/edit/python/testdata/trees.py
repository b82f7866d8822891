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
        elif key > self.key:
            if self.right is None:
                self.right = Tree(key)
            else:
                self.right.insert(key)

    def contains(self, key):
        if key == self.key:
            return True
        if key < self.key:
            return self.left is not None and self.left.contains(key)
        return self.right is not None and self.right.contains(key)

    def __iter__(self):
        if self.left:
            yield from self.left
        yield self.key
        if self.right:
            yield from self.right

    def height(self):
        left = self.left.height() if self.left else 0
        right = self.right.height() if self.right else 0
        return 1 + max(left, right)

    def walk(self):
        if self.left is not None:
            for key in self.left.walk():
                yield key
        yield self.key
        if self.right is not None:
            for key in self.right.walk():
                yield key


def make(depth):
    if depth == 0:
        return (None, None)
    return (make(depth - 1), make(depth - 1))


def check(node):
    left, right = node
    if left is None:
        return 1
    return 1 + check(left) + check(right)


def fib(n):
    if n < 2:
        return n
    return fib(n - 1) + fib(n - 2)


def tak(x, y, z):
    if y >= x:
        return z
    return tak(tak(x - 1, y, z), tak(y - 1, z, x), tak(z - 1, x, y))


def hanoi(n, a, b, c, moves):
    if n == 0:
        return
    hanoi(n - 1, a, c, b, moves)
    moves.append((a, c))
    hanoi(n - 1, b, a, c, moves)


def main(n=200):
    root = Tree(n // 2)
    x = 7
    for _ in range(n):
        x = (x * 1103 + 12345) % 65536
        root.insert(x)
    hits = sum(1 for i in range(0, 65536, 331) if root.contains(i))
    print(root.height(), hits, sum(root), sum(root.walk()))
    for i in range(5):
        print(sum(root), sum(root.walk()))
    print(check(make(5)), fib(10), tak(7, 5, 3))
    moves = []
    hanoi(7, 1, 2, 3, moves)
    print(len(moves), moves[77])


if __name__ == "__main__":
    main()
