"""Groups the requests of a client into sessions."""

from logstats.records import Span

GAP_SECONDS = 1800.0


class Session:
    """Requests of one client without a long break."""

    def __init__(self, client):
        self.client = client
        self.records = []

    def add(self, record):
        self.records.append(record)

    def start(self):
        return self.records[0].time

    def end(self):
        last = self.records[len(self.records) - 1]
        return last.time + last.millis / 1000.0

    def span(self):
        return Span(self.start(), self.end())

    def pages(self):
        """The distinct paths, in the order of first visit."""
        seen = []
        for record in self.records:
            if record.path not in seen:
                seen.append(record.path)
        return seen


def build_sessions(records):
    """All sessions, ordered by their first request."""
    sessions = []
    open_sessions = {}
    for record in sorted(records, key=lambda r: r.time):
        if record.client in open_sessions:
            session = open_sessions[record.client]
            if record.time - session.end() > GAP_SECONDS:
                session = Session(record.client)
                open_sessions[record.client] = session
                sessions.append(session)
        else:
            session = Session(record.client)
            open_sessions[record.client] = session
            sessions.append(session)
        session.add(record)
    return sessions


def distinct_clients(sessions):
    clients = []
    for session in sessions:
        if session.client not in clients:
            clients.append(session.client)
    return clients


def concurrency(sessions, width):
    """Mean number of open sessions in each window of `width` seconds."""
    if len(sessions) == 0:
        return []
    first = sessions[0].start()
    last = max([s.end() for s in sessions])
    windows = []
    at = first
    while at < last:
        busy = 0.0
        for i in range(len(sessions)):
            window = Span(at, at + width)
            busy += sessions[i].span().overlap(window)
        windows.append(busy / width)
        at += width
    return windows


def transitions(sessions):
    """How often each page is followed by each other page within a session."""
    counts = {}
    for session in sessions:
        for i in range(len(session.records) - 1):
            pair = (session.records[i].path, session.records[i + 1].path)
            if pair in counts:
                counts[pair] = counts[pair] + 1
            else:
                counts[pair] = 1
    return counts
