"""Errors a person on duty reads. Each names the thing, what was expected, what came, and the next step."""

from __future__ import annotations

from ingestion.privacy import error_text


class SourceError(Exception):
    """A source could not be loaded. The message starts with the source's name and never holds a secret.

    `code`: the vendor's own, "" where there is none.
    """

    def __init__(self, source: str, message: str, code: str = "") -> None:
        super().__init__(f"{source}: {message}")
        self.source = source
        self.detail = message
        self.code = code


def root_message(error: BaseException, limit: int = 600) -> str:
    """What went wrong at the bottom of a chain of exceptions, in one short text; what it quotes of the data is masked."""
    seen: set[int] = set()
    while id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, SourceError):
            return error.detail[:limit]
        inner = error.__cause__ or error.__context__
        if inner is None:
            break
        error = inner
    return f"{type(error).__name__}: {error_text(str(error), limit)}"
