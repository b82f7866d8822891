"""Life and paths on a grid: nested lists, queues, membership."""

WALLS = ["#", "+", "|", "-"]
DIRECTIONS = ((0, 1), (1, 0), (0, -1), (-1, 0))


class Grid:
    def __init__(self, width, height, fill=0):
        self.width = width
        self.height = height
        self.cells = [[fill] * width for _ in range(height)]

    def get(self, x, y):
        return self.cells[y % self.height][x % self.width]

    def set_cell(self, x, y, value):
        self.cells[y][x] = value

    def neighbours(self, x, y):
        n = 0
        for dy in (-1, 0, 1):
            for dx in (-1, 0, 1):
                if dx != 0 or dy != 0:
                    n += self.get(x + dx, y + dy)
        return n

    def next(self):
        result = Grid(self.width, self.height)
        for y in range(self.height):
            for x in range(self.width):
                alive = self.cells[y][x]
                n = self.neighbours(x, y)
                if n == 3 or (alive and n == 2):
                    result.set_cell(x, y, 1)
        return result


def shortest(maze, start, goal):
    todo = [start]
    distance = {start: 0}
    while todo:
        here = todo.pop(0)
        if here == goal:
            return distance[here]
        for direction in DIRECTIONS:
            there = (here[0] + direction[0], here[1] + direction[1])
            if maze[there[0]][there[1]] in WALLS or there in distance:
                continue
            distance[there] = distance[here] + 1
            todo.append(there)
    return -1


def transpose(rows):
    result = []
    for i in range(len(rows[0])):
        column = []
        for row in rows:
            column.append(row[i])
        result.append(column)
    return result


def symmetric(rows):
    i = 0
    while i < len(rows):
        j = 0
        while j < len(rows):
            if rows[i][j] != rows[j][i]:
                return False
            j += 1
        i += 1
    return True


def main():
    grid = Grid(16, 12)
    for x, y in [(1, 0), (2, 1), (0, 2), (1, 2), (2, 2), (8, 8), (8, 9), (8, 10)]:
        grid.set_cell(x, y, 1)
    for _ in range(12):
        grid = grid.next()
    for row in grid.cells:
        print("".join("#" if cell else "." for cell in row))
    maze = ["+-------+", "|   #   |", "| # # # |", "| #   # |", "+-------+"]
    print(shortest(maze, (1, 1), (1, 7)), shortest(maze, (3, 1), (3, 7)))
    print(transpose([[1, 2, 3], [4, 5, 6]]))
    print(symmetric([[1, 2], [2, 1]]), symmetric([[1, 2], [3, 1]]))


main()
