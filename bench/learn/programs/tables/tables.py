"""Matrices as lists of lists, and what one does with them: products, elimination, statistics, a text table."""

import math
import sys


def make(rows, columns, seed):
    state = seed
    result = []
    for i in range(rows):
        row = []
        for j in range(columns):
            state = (state * 16807) % 2147483647
            row.append(state / 2147483647.0 - 0.5)
        result.append(row)
    return result


def multiply(a, b):
    result = [[0.0 for _ in range(len(b[0]))] for _ in range(len(a))]
    for i in range(len(a)):
        for j in range(len(b[0])):
            for k in range(len(b)):
                result[i][j] = result[i][j] + a[i][k] * b[k][j]
    return result


def transpose(a):
    result = []
    for j in range(len(a[0])):
        column = []
        for i in range(len(a)):
            column.append(a[i][j])
        result.append(column)
    return result


def solve(a, b):
    n = len(a)
    m = [list(a[i]) + [b[i]] for i in range(n)]
    for c in range(n):
        best = c
        for r in range(c + 1, n):
            if abs(m[r][c]) > abs(m[best][c]):
                best = r
        m[c], m[best] = m[best], m[c]
        for r in range(c + 1, n):
            factor = m[r][c] / m[c][c]
            for k in range(c, n + 1):
                m[r][k] = m[r][k] - factor * m[c][k]
    x = [0.0] * n
    for r in range(n - 1, -1, -1):
        total = m[r][n]
        for k in range(r + 1, n):
            total = total - m[r][k] * x[k]
        x[r] = total / m[r][r]
    return x


def column_statistics(a):
    result = []
    for j in range(len(a[0])):
        values = [row[j] for row in a]
        mean = sum(values) / len(values)
        variance = 0.0
        for value in values:
            variance += math.pow(value - mean, 2)
        low = values[0]
        high = values[0]
        for value in values:
            low = min(low, value)
            high = max(high, value)
        result.append((mean, math.sqrt(variance / len(values)), low, high))
    return result


def distances(a):
    total = 0.0
    for i in range(len(a)):
        for j in range(len(a)):
            d = 0.0
            for k in range(len(a[0])):
                d += (a[i][k] - a[j][k]) ** 2
            total += math.sqrt(d)
    return total


def table(a):
    lines = ""
    for row in a:
        line = ""
        for value in row:
            line = line + "{:8.3f}".format(value)
        lines = lines + line + "\n"
    return lines


def main(size, rounds):
    for r in range(rounds):
        a = make(size, size, 11 + r)
        b = multiply(a, transpose(a))
        for i in range(size):
            b[i][i] = b[i][i] + 1.0
        x = solve(b, [float(i % 7) for i in range(size)])
        d = distances(a)
        text = table(b)
    print("%.6f %.6f %d" % (sum(x), d, len(text)))
    for line in column_statistics(b)[:5]:
        print("%.6f %.6f %.6f %.6f" % line)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
