"""Ways through a grid of costs: Dijkstra's search, flood fill, and smoothing of the map."""

import heapq
import sys


class Map:
    def __init__(self, width, height, seed):
        self.width = width
        self.height = height
        self.cells = []
        state = seed
        for y in range(height):
            row = []
            for x in range(width):
                state = (state * 69069 + 1) & 0xFFFFFFFF
                row.append(1 + (state >> 16) % 9)
            self.cells.append(row)

    def inside(self, x, y):
        return x >= 0 and x < self.width and y >= 0 and y < self.height

    def cost(self, x, y):
        return self.cells[y][x]

    def neighbours(self, x, y):
        result = []
        for dx, dy in [(1, 0), (-1, 0), (0, 1), (0, -1)]:
            if self.inside(x + dx, y + dy):
                result.append((x + dx, y + dy))
        return result


def shortest(grid, start, goal):
    best = {start: 0}
    queue = [(0, start)]
    while len(queue) > 0:
        distance, place = heapq.heappop(queue)
        if place == goal:
            return distance
        if distance > best[place]:
            continue
        for other in grid.neighbours(place[0], place[1]):
            new = distance + grid.cost(other[0], other[1])
            if other not in best or new < best[other]:
                best[other] = new
                heapq.heappush(queue, (new, other))
    return -1


def smooth(grid):
    result = []
    for y in range(grid.height):
        row = []
        for x in range(grid.width):
            total = grid.cells[y][x]
            count = 1
            for dy in range(-1, 2):
                for dx in range(-1, 2):
                    if (dx != 0 or dy != 0) and grid.inside(x + dx, y + dy):
                        total += grid.cells[y + dy][x + dx]
                        count += 1
            row.append(int(total / count))
        result.append(row)
    grid.cells = result


def regions(grid, level):
    seen = []
    for y in range(grid.height):
        seen.append([False] * grid.width)
    sizes = []
    for y in range(grid.height):
        for x in range(grid.width):
            if not seen[y][x] and grid.cells[y][x] <= level:
                size = 0
                stack = [(x, y)]
                seen[y][x] = True
                while stack:
                    px, py = stack.pop()
                    size += 1
                    for nx, ny in grid.neighbours(px, py):
                        if not seen[ny][nx] and grid.cells[ny][nx] <= level:
                            seen[ny][nx] = True
                            stack.append((nx, ny))
                sizes.append(size)
    return sorted(sizes, reverse=True)


def render(grid):
    text = ""
    for row in grid.cells:
        line = ""
        for value in row:
            line += " .:-=+*#%@"[value]
        text += line + "\n"
    return text


def main(size, rounds):
    total = 0
    for r in range(rounds):
        grid = Map(size, size, 7 + r)
        total += shortest(grid, (0, 0), (size - 1, size - 1))
        smooth(grid)
        total += shortest(grid, (0, size - 1), (size - 1, 0))
        found = regions(grid, 4)
        total += sum([a * b for a, b in enumerate(found)])
    print(total, len(found), found[:4])
    print(render(grid)[: size * 4])


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
