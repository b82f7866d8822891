"""Orders of a small shop: prices, discounts, totals by customer, a text report."""

import math
import sys


class Item:
    def __init__(self, name, price, weight):
        self.name = name
        self.price = price
        self.weight = weight

    def cost(self):
        return self.price * 1.19

    def is_heavy(self):
        return self.weight > 20.0


class Line:
    def __init__(self, item, count):
        self.item = item
        self.count = count

    def total(self):
        return self.item.cost() * self.count


class Order:
    def __init__(self, customer, lines):
        self.customer = customer
        self.lines = lines
        self.state = "new"

    def total(self):
        total = 0.0
        for line in self.lines:
            total = total + line.total()
        return total

    def weight(self):
        weight = 0.0
        for i in range(len(self.lines)):
            weight += self.lines[i].item.weight * self.lines[i].count
        return weight


def discount(order, rates):
    total = order.total()
    best = 0.0
    for rate in rates:
        if total > rate[0]:
            if rate[1] > best:
                best = rate[1]
    return math.floor(total * best * 100) / 100


def shipping(order):
    weight = order.weight()
    if weight == 0:
        return 0.0
    return round(3.5 + math.sqrt(weight) * 0.9 + math.pow(weight, 2) / 10000, 2)


def by_customer(orders, rates):
    sums = {}
    for order in orders:
        amount = order.total() - discount(order, rates) + shipping(order)
        if order.customer in sums.keys():
            sums[order.customer] = sums[order.customer] + amount
        else:
            sums[order.customer] = amount
    return sums


def popular(orders):
    counts = {}
    for order in orders:
        for line in order.lines:
            if not line.item.name in counts:
                counts[line.item.name] = 0
            counts[line.item.name] += line.count
    names = list(counts.keys())
    names.sort(key=lambda name: (-counts[name], name))
    return names[:5]


def heavy(orders):
    found = []
    for order in orders:
        flag = False
        for line in order.lines:
            if line.item.is_heavy() == True:
                flag = True
        if flag:
            found.append(order)
    return found


def report(orders, rates):
    text = ""
    sums = by_customer(orders, rates)
    for customer in sorted(sums.keys()):
        text = text + "%-12s %10.2f\n" % (customer, sums[customer])
    text = text + "popular: " + ", ".join([name for name in popular(orders)]) + "\n"
    text += "heavy: %d\n" % len(heavy(orders))
    return text


def make_orders(count, seed):
    state = seed
    orders = []
    items = [Item("item%d" % i, 1.5 + i * 0.75, (i * 7) % 31) for i in range(40)]
    for _ in range(count):
        lines = []
        state = (state * 1103515245 + 12345) % 2147483648
        for k in range(1 + state % 6):
            state = (state * 1103515245 + 12345) % 2147483648
            lines.append(Line(items[state % len(items)], 1 + (state >> 8) % 4))
        orders.append(Order("customer%d" % ((state >> 4) % 30), lines))
    return orders


def main(count, rounds):
    rates = [(50.0, 0.02), (100.0, 0.05), (200.0, 0.08)]
    orders = make_orders(count, 42)
    for _ in range(rounds):
        text = report(orders, rates)
    sys.stdout.write(text)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
