"""One line of an access log, and what can be said about it alone."""


class Record:
    """A parsed request."""

    def __init__(self, client, time, method, path, status, size, millis):
        self.client = client
        self.time = time
        self.method = method
        self.path = path
        self.status = status
        self.size = size
        self.millis = millis

    def status_class(self):
        return self.status // 100

    def is_error(self):
        return self.status_class() >= 4

    def is_read(self):
        return self.method == "GET" or self.method == "HEAD"

    def minute(self):
        return int(self.time // 60)


class Span:
    """A stretch of time, in seconds."""

    def __init__(self, start, end):
        self.start = start
        self.end = end

    def length(self):
        return self.end - self.start

    def overlap(self, other):
        low = max(self.start, other.start)
        high = min(self.end, other.end)
        if high > low:
            return high - low
        return 0.0
