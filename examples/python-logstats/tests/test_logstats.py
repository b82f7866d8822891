import unittest

from logstats import capacity, parse, report, sessions, summary
from logstats.records import Record, Span


def record(client="a", time=0.0, method="GET", path="/", status=200, size=10, millis=100.0):
    return Record(client, time, method, path, status, size, millis)


class ParseTest(unittest.TestCase):
    def test_reads_every_field(self):
        found = parse.parse_line('10.0.0.7 [1600000060.500] "POST /user/17/orders?page=2" 404 512 12.25')
        self.assertEqual(found.client, "10.0.0.7")
        self.assertEqual(found.time, 1600000060.5)
        self.assertEqual(found.method, "POST")
        self.assertEqual(found.path, "/user/:id/orders")
        self.assertEqual((found.status, found.size, found.millis), (404, 512, 12.25))
        self.assertTrue(found.is_error())
        self.assertFalse(found.is_read())
        self.assertEqual(found.minute(), 26666667)

    def test_rejects_other_text(self):
        with self.assertRaises(parse.ParseError):
            parse.parse_line("hello")

    def test_normalises_paths(self):
        self.assertEqual(parse.normalise_path("/"), "/")
        self.assertEqual(parse.normalise_path("/a/12/b/"), "/a/:id/b/")
        self.assertEqual(parse.normalise_path("/a?x=/1/2"), "/a")
        self.assertEqual(parse.normalise_path("/12a"), "/12a")

    def test_leaves_out_furniture(self):
        lines = ["", "# note", 'a [1.0] "GET /healthz" 200 1 1.0', ' a [2.0] "GET /cart" 200 1 1.0 ']
        self.assertEqual([r.path for r in parse.parse_lines(lines)], ["/cart"])


class SessionTest(unittest.TestCase):
    def test_splits_at_a_long_break(self):
        found = sessions.build_sessions(
            [record(time=5000.0), record(time=0.0), record(time=1500.0, path="/x"), record("b", 10.0)]
        )
        self.assertEqual([(s.client, len(s.records)) for s in found], [("a", 2), ("b", 1), ("a", 1)])
        self.assertEqual(found[0].pages(), ["/", "/x"])
        self.assertAlmostEqual(found[0].span().length(), 1500.1)
        self.assertEqual(sessions.distinct_clients(found), ["a", "b"])

    def test_pages_keep_order_of_first_visit(self):
        session = sessions.Session("a")
        for path in ["/b", "/a", "/b", "/c", "/a"]:
            session.add(record(path=path))
        self.assertEqual(session.pages(), ["/b", "/a", "/c"])

    def test_overlap(self):
        self.assertEqual(Span(0, 10).overlap(Span(5, 20)), 5)
        self.assertEqual(Span(0, 10).overlap(Span(10, 20)), 0.0)

    def test_concurrency(self):
        found = sessions.build_sessions([record("a", 0.0), record("a", 99.9), record("b", 50.0), record("b", 99.9)])
        self.assertEqual(sessions.concurrency([], 10.0), [])
        self.assertEqual([round(x, 6) for x in sessions.concurrency(found, 50.0)], [1.0, 2.0])

    def test_transitions(self):
        found = sessions.build_sessions([record(time=float(i), path=p) for i, p in enumerate("xyxyz")])
        self.assertEqual(sessions.transitions(found), {("x", "y"): 2, ("y", "x"): 1, ("y", "z"): 1})


class SummaryTest(unittest.TestCase):
    def test_figures(self):
        values = [4.0, 1.0, 3.0, 2.0]
        self.assertEqual(summary.mean(values), 2.5)
        self.assertEqual(summary.mean([]), 0.0)
        self.assertAlmostEqual(summary.deviation(values), 1.2909944487)
        self.assertEqual(summary.deviation([1.0]), 0.0)
        self.assertEqual(summary.percentile(values, 0.5), 2.0)
        self.assertEqual(summary.percentile([], 0.5), 0.0)
        self.assertEqual(values, [4.0, 1.0, 3.0, 2.0])

    def test_by_path(self):
        rows = summary.by_path(
            [record(path="/b", millis=5.0), record(path="/a", status=500), record(path="/b", method="POST", millis=1.0)]
        )
        self.assertEqual([r.path for r in rows], ["/a", "/b"])
        self.assertEqual((rows[1].fastest, rows[1].slowest, rows[1].read_share), (1.0, 5.0, 0.5))
        self.assertEqual((rows[0].errors, rows[1].errors, rows[1].bytes), (1, 0, 20))

    def test_per_minute(self):
        rows = summary.per_minute([record(time=0.0), record(time=59.0, status=404), record(time=60.0)])
        self.assertEqual(rows, {0: [2, 1, 20], 1: [1, 0, 10]})

    def test_spikes(self):
        self.assertEqual(summary.moving_mean([2, 4, 6], 2), [2.0, 3.0, 5.0])
        self.assertEqual(summary.spikes([1, 1, 5, 1], 2, 2.0), [2])

    def test_similar_pairs(self):
        profiles = {"b": {"x": 1, "y": 1}, "a": {"x": 2, "y": 2}, "c": {"z": 1}, "d": {}}
        self.assertEqual(summary.similar_pairs(profiles, 0.9), [("a", "b", 1.0)])


class CapacityTest(unittest.TestCase):
    def test_requests_wait_for_a_worker(self):
        rows = capacity.plan([record(time=0.0), record(time=0.0), record(time=9.0, status=500)], [1, 2], 10.0)
        self.assertEqual([r[0] for r in rows], [1, 2])
        self.assertAlmostEqual(rows[0][2], 1.0)
        self.assertEqual(rows[1][2], 0.0)
        self.assertAlmostEqual(rows[0][3], 0.25)

    def test_idle_worker_with_the_lowest_number_is_taken(self):
        pool = capacity.Pool(3, 1.0)
        pool.run([record(time=1.0), record(time=2.0)])
        self.assertEqual([w.served for w in pool.workers], [1, 1, 0])


class ReportTest(unittest.TestCase):
    def test_small_log(self):
        lines = ['10.0.0.%d [%d.0] "GET /item/%d" 200 5 20.0' % (i % 3, 100 * i, i) for i in range(12)]
        text = report.full(parse.parse_lines(lines))
        self.assertIn("/item/:id                    12      20.0      0.0", text)
        self.assertIn("sessions 3 clients 3\n", text)
        self.assertIn("/item/:id > /item/:id 9\n", text)
        self.assertIn("10.0.0.0 10.0.0.1 1.0\n", text)
        self.assertEqual(text.splitlines()[-1].split()[0], "24")


if __name__ == "__main__":
    unittest.main()
