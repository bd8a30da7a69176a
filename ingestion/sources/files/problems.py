"""What can be wrong with a file as a whole."""

from __future__ import annotations


class FileProblem(Exception):
    """A file that cannot be used as a whole; the message says what to do about it."""
