"""Budgets as ratios against a floor taken in alternation in the same run: ``python -m benchmarks``."""
