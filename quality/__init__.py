"""Checks at the two borders: the contract on a load package, and the marts before they are published.

Suites are data (`suites/*.yml`); build.py turns them into Great Expectations, run.py runs them. Never imports the
orchestrator, and imports Great Expectations (seconds) only when a check runs.
"""
