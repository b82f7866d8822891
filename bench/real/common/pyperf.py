"""Stands in for the package pyperf, of which the benchmark modules use only the clock."""

from time import perf_counter  # noqa: F401
