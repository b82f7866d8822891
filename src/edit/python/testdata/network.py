import heapq
import random


class Packet:
    def __init__(self, ident, source, target, size):
        self.ident = ident
        self.source = source
        self.target = target
        self.size = size
        self.hops = 0
        self.born = 0.0

    def age(self, now):
        return now - self.born


class Event:
    def __init__(self, time, target, packet):
        self.time = time
        self.target = target
        self.packet = packet

    def __lt__(self, other):
        return self.time < other.time

    def fire(self, simulator):
        self.target.receive(simulator, self.packet)


class Statistics:
    def __init__(self):
        self.count = 0
        self.total = 0.0
        self.largest = 0.0

    def add(self, value):
        self.count += 1
        self.total += value
        if value > self.largest:
            self.largest = value

    @property
    def mean(self):
        return self.total / self.count if self.count else 0.0


class Node:
    def __init__(self, name):
        self.name = name
        self.links = []
        self.seen = 0

    def connect(self, other, delay):
        self.links.append(Link(self, other, delay))

    def receive(self, simulator, packet):
        raise NotImplementedError


class Link:
    def __init__(self, a, b, delay):
        self.a = a
        self.b = b
        self.delay = delay
        self.busy_until = 0.0

    def send(self, simulator, packet):
        start = max(simulator.now, self.busy_until)
        self.busy_until = start + packet.size * 0.001
        simulator.schedule(self.busy_until + self.delay, self.b, packet)


class Router(Node):
    def receive(self, simulator, packet):
        self.seen += 1
        packet.hops += 1
        if packet.hops > 12:
            simulator.dropped += 1
            return
        self.choose(packet).send(simulator, packet)

    def choose(self, packet):
        return self.links[(packet.target + packet.hops) % len(self.links)]


class Host(Node):
    def __init__(self, name, ident):
        super().__init__(name)
        self.ident = ident

    def receive(self, simulator, packet):
        self.seen += 1
        if packet.target == self.ident:
            simulator.statistics.add(packet.age(simulator.now))
        else:
            packet.hops += 1
            if packet.hops > 12:
                simulator.dropped += 1
            else:
                self.links[0].send(simulator, packet)


class Simulator:
    def __init__(self, seed):
        self.now = 0.0
        self.events = []
        self.dropped = 0
        self.statistics = Statistics()
        self.random = random.Random(seed)
        self.handled = 0

    def schedule(self, time, target, packet):
        heapq.heappush(self.events, Event(time, target, packet))

    def run(self):
        while self.events:
            event = heapq.heappop(self.events)
            self.now = event.time
            event.fire(self)
            self.handled += 1


def build(simulator, routers, hosts):
    nodes = [Router("r%d" % i) for i in range(routers)]
    ends = [Host("h%d" % i, i) for i in range(hosts)]
    for i, node in enumerate(nodes):
        for step in (1, 3):
            node.connect(nodes[(i + step) % routers], 0.01 * (i + 1))
        for j in range(i, hosts, routers):
            node.connect(ends[j], 0.002)
            ends[j].connect(node, 0.002)
    return nodes, ends


def main(packets=150):
    simulator = Simulator(5)
    nodes, ends = build(simulator, 6, 12)
    for i in range(packets):
        source = simulator.random.randrange(12)
        packet = Packet(i, source, simulator.random.randrange(12), 100 + i % 7)
        packet.born = i * 0.01
        simulator.schedule(i * 0.01, ends[source], packet)
    simulator.run()
    s = simulator.statistics
    print(simulator.handled, simulator.dropped, s.count, round(s.mean, 6), round(s.largest, 6))
    print([n.seen for n in nodes])


if __name__ == "__main__":
    main()
