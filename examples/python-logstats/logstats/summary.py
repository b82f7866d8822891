"""Figures over many records."""

import math


def mean(values):
    if len(values) == 0:
        return 0.0
    return sum(values) / len(values)


def deviation(values):
    if len(values) < 2:
        return 0.0
    total = 0.0
    for value in values:
        total += (value - mean(values)) ** 2
    return math.sqrt(total / (len(values) - 1))


def percentile(values, share):
    if len(values) == 0:
        return 0.0
    ordered = sorted(values)
    index = int(share * (len(ordered) - 1))
    return ordered[index]


def fastest(records):
    return sorted(records, key=lambda r: r.millis)[0]


def slowest(records):
    return sorted(records, key=lambda r: r.millis)[-1]


class PathSummary:
    """What happened on one path."""

    def __init__(self, path, records):
        self.path = path
        self.count = len(records)
        times = [r.millis for r in records]
        self.mean = mean(times)
        self.deviation = deviation(times)
        self.median = percentile(times, 0.5)
        self.high = percentile(times, 0.95)
        self.fastest = fastest(records).millis
        self.slowest = slowest(records).millis
        self.errors = len([r for r in records if r.is_error()])
        self.read_share = sum(1 for r in records if r.is_read()) / self.count
        self.bytes = sum(r.size for r in records)


def by_path(records):
    groups = {}
    for record in records:
        groups.setdefault(record.path, []).append(record)
    summaries = []
    for path in sorted(groups.keys()):
        summaries.append(PathSummary(path, groups[path]))
    return summaries


def per_minute(records):
    """Requests, errors and bytes of each minute that has any."""
    minutes = {}
    for record in records:
        if not record.minute() in minutes.keys():
            minutes[record.minute()] = [0, 0, 0]
        minutes[record.minute()][0] += 1
        minutes[record.minute()][1] += 1 if record.is_error() else 0
        minutes[record.minute()][2] += record.size
    return minutes


def moving_mean(values, width):
    """Mean of the last `width` values at each position."""
    result = []
    for i in range(len(values)):
        start = max(0, i - width + 1)
        result.append(sum(values[j] for j in range(start, i + 1)) / (i + 1 - start))
    return result


def spikes(values, width, factor):
    """Positions whose value exceeds `factor` times the moving mean before them."""
    found = []
    means = moving_mean(values, width)
    for i in range(1, len(values)):
        if values[i] > factor * means[i - 1] and values[i] > 1:
            found.append(i)
    return found


def similarity(left, right):
    """Cosine of two sparse vectors."""
    dot = sum(left[key] * right[key] for key in left if key in right)
    left_norm = math.sqrt(sum(value ** 2 for value in left.values()))
    right_norm = math.sqrt(sum(value ** 2 for value in right.values()))
    if left_norm == 0.0 or right_norm == 0.0:
        return 0.0
    return dot / (left_norm * right_norm)


def similar_pairs(profiles, threshold):
    """Pairs of names whose profiles are alike; `profiles` maps a name to a sparse vector."""
    names = sorted(profiles.keys())
    pairs = []
    for i in range(len(names)):
        for j in range(i + 1, len(names)):
            score = similarity(profiles[names[i]], profiles[names[j]])
            if score >= threshold:
                pairs.append((names[i], names[j], round(score, 6)))
    return pairs
