"""Turns lines of an access log into records."""

import re

from logstats.records import Record

LINE = (
    r"(?P<client>\S+) \[(?P<time>[0-9.]+)\] "
    r'"(?P<method>[A-Z]+) (?P<path>\S+)" (?P<status>\d{3}) (?P<size>\d+) (?P<millis>[0-9.]+)'
)

IGNORED_PATHS = [
    "/favicon.ico",
    "/robots.txt",
    "/healthz",
    "/metrics",
    "/ping",
    "/apple-touch-icon.png",
    "/sitemap.xml",
    "/static/app.css",
    "/static/app.js",
    "/static/logo.svg",
    "/static/fonts.css",
    "/static/vendor.js",
]


class ParseError(ValueError):
    """A line that is no log line."""


def is_number(text):
    return re.match(r"^[0-9]+$", text) is not None


def normalise_path(path):
    """Drops the query and replaces numeric parts, so /user/17?x=1 becomes /user/:id."""
    if "?" in path:
        path = path.split("?")[0]
    result = ""
    for part in path.split("/")[1:]:
        if is_number(part):
            result += "/" + ":id"
        else:
            result += "/" + part
    if result == "":
        result = "/"
    return result


def is_ignored(path):
    return path in IGNORED_PATHS


def parse_line(line):
    match = re.match(LINE, line)
    if match is None:
        raise ParseError("not a log line: " + line)
    return Record(
        match.group("client"),
        float(match.group("time")),
        match.group("method"),
        normalise_path(match.group("path")),
        int(match.group("status")),
        int(match.group("size")),
        float(match.group("millis")),
    )


def parse_lines(lines):
    """Parses all lines; blank lines, comments and requests for furniture are left out."""
    records = []
    for line in lines:
        text = line.strip()
        if len(text) == 0 or text.startswith("#"):
            continue
        record = parse_line(text)
        if is_ignored(record.path):
            continue
        records.append(record)
    return records
