"""Benchmarks on public data sets: train, measure, and stand beside what others reported."""

from cxnlp.benchmark.spec import NAMES, load_benchmark

__all__ = ["NAMES", "load_benchmark"]
