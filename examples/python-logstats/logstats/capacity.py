"""Replays the traffic against a pool of workers."""


class Worker:
    def __init__(self, number):
        self.number = number
        self.free_at = 0.0
        self.busy = 0.0
        self.served = 0

    def is_free(self, now):
        return self.free_at <= now

    def serve(self, start, seconds):
        self.free_at = start + seconds
        self.busy += seconds
        self.served += 1


class Pool:
    """Workers that take requests in order of arrival."""

    def __init__(self, size, slowdown):
        self.workers = [Worker(i) for i in range(size)]
        self.slowdown = slowdown
        self.waits = []

    def next_worker(self):
        return sorted(self.workers, key=lambda w: (w.free_at, w.number))[0]

    def cost(self, record):
        seconds = record.millis / 1000.0
        if record.is_error():
            seconds = seconds * 0.5
        return seconds * self.slowdown

    def run(self, records):
        queue = list(records)
        while len(queue) > 0:
            record = queue.pop(0)
            worker = self.next_worker()
            start = record.time
            if not worker.is_free(record.time):
                start = worker.free_at
            worker.serve(start, self.cost(record))
            self.waits.append(start - record.time)

    def utilisation(self, seconds):
        return sum(w.busy for w in self.workers) / (len(self.workers) * seconds)


def plan(records, sizes, slowdown):
    """For each pool size: mean wait, longest wait, utilisation."""
    ordered = sorted(records, key=lambda r: r.time)
    seconds = ordered[-1].time - ordered[0].time + 1.0
    rows = []
    for size in sizes:
        pool = Pool(size, slowdown)
        pool.run(ordered)
        waits = pool.waits
        rows.append((size, sum(waits) / len(waits), max(waits), pool.utilisation(seconds)))
    return rows
