"""Google's field masks: `a,b(c,d.e),f/g` picks members of an answer, in every element of a list."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

Mask = dict[str, "Mask"]  # {}: all below

_FORMAT: Mask = {"numberFormat": {"type": {}, "pattern": {}}}
_VALUE: Mask = {"numberValue": {}, "stringValue": {}, "boolValue": {}, "errorValue": {"type": {}, "message": {}}}
_PAGE: Mask = {
    "sheetId": {}, "title": {}, "index": {}, "sheetType": {}, "hidden": {},
    "gridProperties": {"rowCount": {}, "columnCount": {}},
}  # fmt: skip
_MERGE: Mask = {k: {} for k in ("sheetId", "startRowIndex", "endRowIndex", "startColumnIndex", "endColumnIndex")}
_CELL: Mask = {"effectiveValue": _VALUE, "formattedValue": {}, "effectiveFormat": _FORMAT, "userEnteredFormat": _FORMAT}
# what answers may hold: a mask that names anything else is refused
_KNOWN: Mask = {
    "spreadsheetId": {}, "spreadsheetUrl": {}, "range": {}, "majorDimension": {}, "values": {},
    "properties": {"title": {}, "locale": {}, "timeZone": {}, "autoRecalc": {}},
    "valueRanges": {"range": {}, "majorDimension": {}, "values": {}},
    "sheets": {
        "properties": _PAGE, "merges": _MERGE,
        "data": {"startRow": {}, "startColumn": {}, "rowData": {"values": _CELL}},
    },
}  # fmt: skip


class Unknown(ValueError):
    """The mask names what is not there; the message is its path."""


def parsed_mask(text: str) -> Mask:
    """The mask as a tree. Raises Unknown."""
    words = re.findall(r"[^,()./\s]+|[,()./]", text)
    tree, rest = _list(words, _KNOWN, "")
    if rest:
        raise Unknown(text)
    return tree


def _list(words: list[str], known: Mask, path: str) -> tuple[Mask, list[str]]:
    tree: Mask = {}
    while words:
        name, *words = words
        here = f"{path}.{name}" if path else name
        if name == "*":
            tree |= {k: {} for k in known}
        elif name not in known:
            raise Unknown(here)
        below: Mask = {}
        if words[:1] in (["."], ["/"]):
            below, words = _one(words[1:], known.get(name, {}), here)
        elif words[:1] == ["("]:
            below, words = _list(words[1:], known[name], here)
            if words[:1] != [")"]:
                raise Unknown(here)
            words = words[1:]
        if name != "*":
            tree[name] = {**tree.get(name, {}), **below}
        if words[:1] != [","]:
            break
        words = words[1:]
    return tree, words


def _one(words: list[str], known: Mask, path: str) -> tuple[Mask, list[str]]:
    """A single member and what is below it."""
    depth, end = 0, len(words)
    for i, word in enumerate(words):
        if word in ",)" and depth == 0:
            end = i
            break
        depth += (word == "(") - (word == ")")
    tree, rest = _list(words[:end], known, path)
    return tree, rest + words[end:]


def masked(body: Any, mask: Mask) -> Any:
    """The part of an answer that the mask names."""
    if not mask:
        return body
    if isinstance(body, list):
        return [masked(b, mask) for b in body]
    if not isinstance(body, Mapping):
        return body
    return {k: masked(v, mask[k]) for k, v in body.items() if k in mask}
