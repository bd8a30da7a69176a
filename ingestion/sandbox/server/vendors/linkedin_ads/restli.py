"""Rest.li 2.0 query strings, read raw: `dateRange=(start:(year:2026,month:11,day:1))&accounts=List(urn%3Ali%3A..)`.

Parentheses, commas and colons are structure where they stand literally and text where they are percent-encoded; a query
that a generic encoder has made therefore reads as plain text, and the finder refuses it.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote


class Refused(ValueError):
    """The vendor turns the call down: HTTP status, its code, its service error code, and what it says."""

    def __init__(self, status: int, code: str, message: str, service_code: int | None = None) -> None:
        super().__init__(message)
        self.body: dict[str, Any] = {"status": status, "code": code, "message": message}
        if service_code is not None:
            self.body["serviceErrorCode"] = service_code


def illegal(message: str) -> Refused:
    return Refused(400, "ILLEGAL_ARGUMENT", message)


def parse_query(raw: str) -> dict[str, Any]:
    """Parameter -> text, list or record. `fields` is a comma list in the old notation. Raises Refused."""
    found: dict[str, Any] = {}
    for part in filter(None, raw.split("&")):
        name, _, value = part.partition("=")
        if name in found:
            raise illegal(f"Parameter {name} is given twice")
        found[name] = unquote(value).split(",") if name == "fields" else parse(value)
    return found


def parse(text: str) -> Any:
    """One value: `List(a,b)`, `(k:v,l:w)` or text."""
    value, end = _value(text, 0)
    if end != len(text):
        raise illegal(f"Invalid query parameters passed to request: unexpected {text[end]!r}")
    return value


def _value(text: str, at: int) -> tuple[Any, int]:
    if text.startswith("List(", at):
        return _list(text, at + 5)
    if text.startswith("(", at):
        return _record(text, at + 1)
    end = at
    while end < len(text) and text[end] not in "(),:":
        end += 1
    return unquote(text[at:end]), end


def _list(text: str, at: int) -> tuple[list[Any], int]:
    items: list[Any] = []
    if text.startswith(")", at):
        return items, at + 1
    while True:
        item, at = _value(text, at)
        items.append(item)
        if _sign(text, at) == ")":
            return items, at + 1
        at = _past(text, at, ",")


def _record(text: str, at: int) -> tuple[dict[str, Any], int]:
    record: dict[str, Any] = {}
    while True:
        key, at = _value(text, at)
        at = _past(text, at, ":")
        record[key], at = _value(text, at)
        if _sign(text, at) == ")":
            return record, at + 1
        at = _past(text, at, ",")


def _sign(text: str, at: int) -> str:
    return text[at : at + 1]


def _past(text: str, at: int, sign: str) -> int:
    if _sign(text, at) != sign:
        raise illegal(f"Invalid query parameters passed to request: expected {sign!r} at {at} of {text[:60]!r}")
    return at + 1
