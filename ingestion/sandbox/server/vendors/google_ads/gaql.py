"""The Google Ads Query Language: text -> what is asked. Which fields exist, and what they mean, is fields.py's."""

from __future__ import annotations

import re
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""\s*(?:(?P<text>'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")|(?P<number>-?\d+(?:\.\d+)?)(?![\w.])
    |(?P<word>[A-Za-z_][\w.]*)|(?P<sign><=|>=|!=|[=<>(),]))""",
    re.VERBOSE,
)
_SIMPLE = ("=", "!=", "<", "<=", ">", ">=")


class QueryFault(ValueError):
    """A query Google refuses; `kind` and `code` are the error code's field and word: queryError, UNRECOGNIZED_FIELD."""

    def __init__(self, code: str, message: str, kind: str = "queryError") -> None:
        super().__init__(message)
        self.code, self.kind = code, kind


@dataclass(frozen=True)
class Condition:
    """`operator` is upper case; `values` as written, without quotes."""

    field: str
    operator: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class Query:
    select: tuple[str, ...]
    resource: str
    where: tuple[Condition, ...] = ()
    order_by: tuple[tuple[str, bool], ...] = ()  # (field, descending)
    limit: int | None = None


def parse(text: str) -> Query:
    """A query, read. Raises QueryFault."""
    return _Parser(_tokens(text)).query()


def _tokens(text: str) -> list[tuple[str, str]]:
    found, at = [], 0
    while at < len(text) and text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None:
            bad = text[at:].lstrip()
            if bad[0] in "'\"":
                raise QueryFault("STRING_NOT_TERMINATED", f"Error in query: a string is not terminated: {bad[:30]}")
            raise QueryFault("UNEXPECTED_INPUT", f"Error in query: unexpected input {bad[:30]}.")
        kind = str(match.lastgroup)
        value = match.group(kind)
        found.append((kind, re.sub(r"\\(.)", r"\1", value[1:-1]) if kind == "text" else value))
        at = match.end()
    return found


class _Parser:
    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens, self._at = tokens, 0

    def query(self) -> Query:
        self._expect("SELECT", "EXPECTED_SELECT")
        select = self._names()
        self._expect("FROM", "EXPECTED_FROM")
        resource = self._word("BAD_RESOURCE_TYPE_IN_FROM_CLAUSE")
        where: list[Condition] = []
        if self._take("WHERE"):
            where.append(self._condition())
            while self._take("AND"):
                where.append(self._condition())
        order_by: list[tuple[str, bool]] = []
        if self._take("ORDER"):
            self._expect("BY", "EXPECTED_BY")
            while True:
                name = self._word("BAD_FIELD_NAME")
                order_by.append((name, self._take("DESC")))
                if not order_by[-1][1]:
                    self._take("ASC")
                if not self._take(","):
                    break
        limit = self._limit() if self._take("LIMIT") else None
        if self._take("PARAMETERS"):
            self._parameters()
        if self._peek():
            raise QueryFault("UNEXPECTED_INPUT", f"Error in query: unexpected input {self._peek()}.")
        return Query(tuple(select), resource, tuple(where), tuple(order_by), limit)

    def _peek(self) -> str:
        return self._tokens[self._at][1] if self._at < len(self._tokens) else ""

    def _next(self, *kinds: str) -> str | None:
        if self._at < len(self._tokens) and self._tokens[self._at][0] in kinds:
            self._at += 1
            return self._tokens[self._at - 1][1]
        return None

    def _take(self, word: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at][0] != "text" and self._peek().upper() == word:
            self._at += 1
            return True
        return False

    def _expect(self, word: str, code: str) -> None:
        if not self._take(word):
            raise QueryFault(code, f"Error in query: expected {word}, found {self._peek() or 'the end of the query'}.")

    def _word(self, code: str) -> str:
        word = self._next("word")
        if word is None:
            what = self._peek()
            raise QueryFault(
                code if what else "UNEXPECTED_END_OF_QUERY", f"Error in query: unexpected {what or 'end of query'}."
            )
        return word

    def _names(self) -> list[str]:
        names = [self._word("BAD_FIELD_NAME")]
        while self._take(","):
            names.append(self._word("BAD_FIELD_NAME"))
        return names

    def _value(self) -> str:
        value = self._next("text", "number", "word")
        if value is None:
            raise QueryFault(
                "EXPECTED_SINGLE_VALUE", f"Error in query: expected a value, found {self._peek() or 'the end'}."
            )
        return value

    def _list(self) -> tuple[str, ...]:
        self._expect("(", "EXPECTED_LIST")
        if self._take(")"):
            raise QueryFault("PROHIBITED_EMPTY_LIST_IN_CONDITION", "The list of a condition is empty.")
        values = [self._value()]
        while self._take(","):
            values.append(self._value())
        self._expect(")", "EXPECTED_LIST")
        return tuple(values)

    def _condition(self) -> Condition:
        field = self._word("BAD_FIELD_NAME")
        for sign in _SIMPLE:
            if self._take(sign):
                return Condition(field, sign, (self._value(),))
        if self._take("BETWEEN"):
            low = self._value()
            self._expect("AND", "EXPECTED_VALUE_WITH_BETWEEN_OPERATOR")
            return Condition(field, "BETWEEN", (low, self._value()))
        if self._take("DURING"):
            return Condition(field, "DURING", (self._value().upper(),))
        if self._take("IS"):
            negated = self._take("NOT")
            self._expect("NULL", "BAD_OPERATOR")
            return Condition(field, "IS NOT NULL" if negated else "IS NULL")
        prefix = "NOT " if self._take("NOT") else ""
        if self._take("IN"):
            return Condition(field, prefix + "IN", self._list())
        if self._take("LIKE"):
            return Condition(field, prefix + "LIKE", (self._value(),))
        raise QueryFault("BAD_OPERATOR", f"Error in query: {self._peek() or 'the end'} is no operator.")

    def _limit(self) -> int:
        number = self._next("number", "word") or ""
        if not number.isdigit():
            raise QueryFault("BAD_LIMIT_VALUE", f"The limit {number!r} is no whole number.")
        if int(number) < 1:
            raise QueryFault("LIMIT_VALUE_TOO_LOW", "The limit must be at least 1.")
        return int(number)

    def _parameters(self) -> None:
        while True:
            name = self._word("BAD_PARAMETER_NAME")
            if name not in ("include_drafts", "omit_unselected_resource_names"):
                raise QueryFault("BAD_PARAMETER_NAME", f"{name} is no parameter.")
            self._expect("=", "BAD_PARAMETER_VALUE")
            if self._value() not in ("true", "false"):
                raise QueryFault("BAD_PARAMETER_VALUE", f"{name} is true or false.")
            if not self._take(","):
                return
