"""Writes a synthetic log, analyses it, and prints a digest of the report."""

import argparse
import hashlib
import pathlib
import random
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from logstats import parse, report  # noqa: E402

PATHS = [
    "/", "/search?q=engine", "/user/{}", "/user/{}/orders", "/cart", "/cart/{}", "/api/v1/items/{}",
    "/api/v1/items/{}/reviews?page=2", "/login", "/logout", "/help", "/healthz", "/static/app.css", "/static/vendor.js",
]  # fmt: skip


def make_log(lines, seed, shape):
    draw = random.Random(seed).random
    clients = 40 + lines // 60
    time = 1.6e9
    out = ["# synthetic access log"]
    for i in range(lines):
        pace = 8.0
        if shape == "bursts" and (i // 400) % 3 == 0:
            pace = 1.5
        time += draw() * pace
        client = "10.0.%d.%d" % divmod(int(clients * draw() ** 2), 50)
        path = PATHS[int(draw() * len(PATHS))].format(int(draw() * 900))
        method = "GET" if draw() < 0.8 else "POST"
        status = 200 if draw() < 0.93 else (404 if draw() < 0.6 else 500)
        millis = 3.0 + 400.0 * draw() ** 4
        out.append('%s [%.3f] "%s %s" %d %d %.2f' % (client, time, method, path, status, int(draw() * 9000), millis))
    return out


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lines", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--shape", choices=["steady", "bursts"], default="steady")
    parser.add_argument("--print", action="store_true", help="the report itself too")
    options = parser.parse_args()
    records = parse.parse_lines(make_log(options.lines, options.seed, options.shape))
    text = report.full(records)
    if options.print:
        print(text, end="")
    print(len(records), "records,", text.count("\n"), "lines,", hashlib.sha256(text.encode()).hexdigest())


if __name__ == "__main__":
    main()
