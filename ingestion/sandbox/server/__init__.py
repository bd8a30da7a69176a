"""Serves the simulated company over its vendors' own protocols, on loopback. Never imported by a source."""
