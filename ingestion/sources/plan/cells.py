"""One cell of the plan, read as its column wants it. Sheets, rows and what must hold between them are checking.py's."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from ingestion.sources.plan.fields import Field
from ingestion.sources.plan.reading import Fault, Percent, Value
from ingestion.sources.plan.sheets import BY_NAME

Nearest = Callable[[str, Collection[str]], str]  # (word, known words) -> the one most like it, "" for none
_DAY = re.compile(r"^(?:(\d{4})-(\d{1,2})-(\d{1,2})(?:[ T]00:00(?::00(?:\.0+)?)?)?|(\d{1,2})\.(\d{1,2})\.(\d{4}))$")
_MONTH = re.compile(r"^(?:(\d{4})-(\d{1,2})|(\d{1,2})[./](\d{4}))$")
_SPACES = re.compile(r"[\s\u00a0\u202f\u2009]")
_THOUSANDS = {
    ",": re.compile(r"^[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d+)?$"),  # 1,234.50
    ".": re.compile(r"^[+-]?[1-9]\d{0,2}(\.\d{3})+(,\d+)?$"),  # 1.234,50
}
_BLANK_GROUPS = re.compile(r"^[+-]?[1-9]\d{0,2}([\s\u00a0\u202f\u2009]\d{3})+([.,]\d+)?$")  # 1 234,50
_TWOFOLD = re.compile(r"^[+-]?[1-9]\d{0,2}[.,]\d{3}$")  # 1.234: a thousand and some, or one and some
_PLAIN = re.compile(r"^[+-]?\d+([.,]\d+)?$")
_CURRENCY = re.compile(r"^[A-Z]{3}$")
_YES, _NO = {"ja", "yes", "true", "x", "1"}, {"nei", "no", "false", "0"}
_LARGEST = Decimal(10) ** 12  # what decimal(18,6) holds
_SMALLEST = Decimal("0.000001")


class Unreadable(ValueError):
    """A cell's value is not what its column holds; the message says what is expected."""


def is_blank(value: Value) -> bool:
    """Whether a cell holds nothing, or white space alone."""
    return value is None or (isinstance(value, str) and not value.strip("\u00a0 \t\r\n"))


def shown(value: object) -> str:
    """A value as a message shows it, at most 40 signs."""
    if value is None:
        return ""
    if isinstance(value, Fault):
        return value.shown
    if isinstance(value, Percent):
        return f"{value.value * 100:g} %"
    if isinstance(value, datetime):
        value = value.date()
    text = f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)
    return text if len(text) <= 40 else text[:37] + "..."


def expected_of(f: Field) -> str:
    """What a column holds, for a message."""
    if options := f.options():
        names = list(dict.fromkeys(en for _, en in options.values()))
        return "one of " + ", ".join(names[:9]) + (f", ... ({len(names)} in all)" if len(names) > 9 else "")
    if f.ref:
        return f"an id of the sheet {BY_NAME[f.ref].en}"
    if f.name == "owner":
        return "the role or name of who answers for it"
    if f.type == "integer":
        return f"a whole number from {f.low} to {f.high}"
    return {
        "text": "a text", "list": "values with commas between", "date": "a day such as 2026-12-31 or 31.12.2026",
        "month": "a month such as 2026-12 or 12.2026", "number": "a number such as 1234.50 or 1 234,50",
        "percent": "a percentage such as 20", "bool": "yes or no",
    }.get(f.type, "a value")  # fmt: skip


def reader(f: Field, nearest: Nearest) -> Callable[[Value], Any]:
    """The function that reads a cell of the column; it raises Unreadable, which names the nearest allowed value."""
    options = f.options()
    lookup = {n.casefold(): key for key, names in options.items() for n in (key, *names)}
    want = f"expected {expected_of(f)}"

    def choice(text: str) -> str:
        key = lookup.get(text.strip().casefold())
        if key is None:
            near = nearest(text.strip().casefold(), lookup)
            name = options[lookup[near]][1] if near else ""
            raise Unreadable(f"{want}{f'; the nearest is {name!r}' if name else ''}")
        return key

    def number(value: Value) -> Decimal:
        found = _number(value, want, in_percent=f.type == "percent")
        if (f.low is not None and found < f.low) or (f.high is not None and found > f.high):
            limits = " and ".join(
                t for t, at in ((f"at least {f.low}", f.low), (f"at most {f.high}", f.high)) if at is not None
            )
            raise Unreadable(f"expected {limits}")
        return found

    def read(value: Value) -> Any:
        if isinstance(value, Fault):
            raise Unreadable(f"expected {value.expected}")
        if f.type in ("number", "percent"):
            return number(value)
        if f.type == "integer":
            whole = number(value)
            if whole != whole.to_integral_value():
                raise Unreadable(want)
            return int(whole)
        if f.type == "date":
            return _day(value, want)
        if f.type == "month":
            return _month(value, want)
        text = _text(value)
        if f.type == "bool":
            if text.casefold() in _YES | _NO:
                return text.casefold() in _YES
            raise Unreadable(want)
        if f.type == "list":
            parts = [p.strip() for p in re.split(r"[,;\n]", text) if p.strip()]
            return ", ".join(dict.fromkeys(choice(p) if options else p for p in parts))
        if options:
            return choice(text)
        if f.name == "currency":
            code = text.upper()
            if not _CURRENCY.match(code):
                raise Unreadable("expected a currency's three letters, such as NOK")
            return code
        return text

    return read


def _text(value: Value) -> str:
    if isinstance(value, Percent):
        return f"{value.value * 100:g} %"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime):
        return value.isoformat(sep=" ").removesuffix(" 00:00:00")
    return str(value).replace("\u00a0", " ").strip()


def _number(value: Value, want: str, *, in_percent: bool) -> Decimal:
    """A cell's number. `in_percent`: 20 for 20 %, else 0.2. Raises Unreadable."""
    if isinstance(value, bool):
        raise Unreadable(want)
    if isinstance(value, (date, datetime)):
        raise Unreadable(f"{want}; the cell holds a date - did the program turn 1.5 into one?")
    if isinstance(value, Percent):
        found = Decimal(repr(value.value)) * (100 if in_percent else 1)
    elif isinstance(value, (int, float)):
        found = Decimal(repr(value))
    else:
        text = str(value).strip().replace("\u2212", "-")
        shown_percent = text.endswith("%")
        found = _parsed(text.removesuffix("%").strip(), want)
        if shown_percent and not in_percent:
            found /= 100
    if not found.is_finite() or abs(found) >= _LARGEST:
        raise Unreadable(f"{want}, smaller than a million millions")
    return found.quantize(_SMALLEST)


def _parsed(text: str, want: str) -> Decimal:
    if _TWOFOLD.match(text):
        plain = text.replace(",", "").replace(".", "")
        raise Unreadable(f"expected a number that can be read one way only: {plain}, or {text[:-1]}")
    for sign, pattern in _THOUSANDS.items():
        if pattern.match(text):
            return Decimal(text.replace(sign, "").replace(",", "."))
    if _BLANK_GROUPS.match(text):
        return Decimal(_SPACES.sub("", text).replace(",", "."))
    if _PLAIN.match(text):
        return Decimal(text.replace(",", "."))
    raise Unreadable(want)


def _day(value: Value, want: str) -> date:
    if isinstance(value, datetime):
        return _sane(value.date(), want)
    if isinstance(value, date):
        return _sane(value, want)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        raise Unreadable(f"{want}; the cell holds a number: format it as a date")
    match = _DAY.match(_text(value))
    if not match:
        raise Unreadable(want)
    year, month, day = (match.group(i) or match.group(j) for i, j in ((1, 6), (2, 5), (3, 4)))
    try:
        return _sane(date(int(year), int(month), int(day)), want)
    except ValueError as e:
        raise Unreadable(f"{want}; there is no such day") from e


def _sane(day: date, want: str) -> date:
    if not 2000 <= day.year <= 2100:
        raise Unreadable(f"{want}, between 2000 and 2100")
    return day


def _month(value: Value, want: str) -> date:
    """First day of the month."""
    if isinstance(value, str) and (match := _MONTH.match(value.strip())):
        year, month = int(match.group(1) or match.group(4)), int(match.group(2) or match.group(3))
        if not 1 <= month <= 12:
            raise Unreadable(f"{want}; there is no such month")
        return _sane(date(year, month, 1), want)
    return _day(value, want).replace(day=1)
