"""The report as text."""

from logstats import capacity, sessions, summary


def pad(text, width):
    while len(text) < width:
        text = text + " "
    return text


def line_of(columns, widths):
    line = ""
    for i in range(len(columns)):
        line += pad(str(columns[i]), widths[i]) + " "
    return line.rstrip()


def path_table(records):
    widths = [28, 7, 9, 9, 9, 9, 9, 9, 6, 6, 10]
    text = ""
    for s in summary.by_path(records):
        columns = [
            s.path,
            s.count,
            round(s.mean, 3),
            round(s.deviation, 3),
            s.median,
            s.high,
            s.fastest,
            s.slowest,
            s.errors,
            round(s.read_share, 3),
            s.bytes,
        ]
        text += line_of(columns, widths) + "\n"
    return text


def minute_table(records):
    minutes = summary.per_minute(records)
    keys = sorted(minutes.keys())
    counts = [minutes[k][0] for k in keys]
    text = ""
    for i in summary.spikes(counts, 15, 2.0):
        text += line_of([keys[i], counts[i], minutes[keys[i]][1]], [8, 6, 6]) + "\n"
    return text


def session_table(records):
    found = sessions.build_sessions(records)
    text = "sessions " + str(len(found)) + " clients " + str(len(sessions.distinct_clients(found))) + "\n"
    lengths = [s.span().length() for s in found]
    text += "length " + str(round(summary.mean(lengths), 3)) + " " + str(round(summary.percentile(lengths, 0.9), 3)) + "\n"
    text += "pages " + str(sum(len(s.pages()) for s in found)) + "\n"
    busy = sessions.concurrency(found, 600.0)
    text += "busiest " + str(round(max(busy), 6)) + "\n"
    counts = sessions.transitions(found)
    for pair in sorted(counts, key=lambda p: (-counts[p], p))[:10]:
        text += pair[0] + " > " + pair[1] + " " + str(counts[pair]) + "\n"
    return text


def client_table(records):
    profiles = {}
    for record in records:
        profile = profiles.setdefault(record.client, {})
        profile[record.path] = profile.get(record.path, 0) + 1
    text = ""
    for left, right, score in summary.similar_pairs(profiles, 0.93):
        text += left + " " + right + " " + str(score) + "\n"
    return text


def capacity_table(records):
    text = ""
    for size, mean_wait, longest, used in capacity.plan(records, [4, 8, 16, 24], 30.0):
        text += line_of([size, round(mean_wait, 6), round(longest, 6), round(used, 6)], [4, 14, 14, 10]) + "\n"
    return text


def full(records):
    return (
        path_table(records)
        + minute_table(records)
        + session_table(records)
        + client_table(records)
        + capacity_table(records)
    )
