"""How steps tell whoever watches what they are doing. Without a listener nothing happens (Dagster's log has
it all).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

# (part of the night, what it says, whether it only matters until the next): parts are load, dbt, checks,
# publish, lock
Listener = Callable[[str, str, bool], None]

_listeners: list[Listener] = []


def tell(part: str, message: str, *, passing: bool = False) -> None:
    """Called by steps, from any thread."""
    for listener in _listeners:
        listener(part, message, passing)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Hear what is told while this is open, in this process."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)
