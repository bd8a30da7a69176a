"""The one definition of how personal identifiers are normalised and hashed; dbt and ingestion both use it.

HMAC-SHA256 (RFC 2104) written as SQL macros, so that it runs vectorised. The key lives in two session variables
(the padded keys of the HMAC), never in the text of a query, in compiled models or in a file of the warehouse.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

_BLOCK = 64
_ADDRESS = re.compile(r"[^\s@'\"<>(),;:/?&=]+@[^\s@'\"<>(),;/?&=]+\.[^\s@'\"<>(),;/?&=]+")
_QUOTED = re.compile(r"'((?:[^']|'')*)'")

_MACROS = (
    # hex HMAC-SHA256 of the text's UTF-8 bytes; null stays null
    """create or replace temp macro keyed_hash(value) as
       sha256(getvariable('hash_outer_pad') || unhex(sha256(getvariable('hash_inner_pad') || encode(value))))""",
    # lower-case, without surrounding blanks; what is no address gives null
    """create or replace temp macro normalise_email(value) as
       nullif(regexp_extract(lower(trim(value)), '^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$'), '')""",
    # E.164: 00 becomes +, eight digits alone are Norwegian; what is no number gives null
    """create or replace temp macro normalise_phone(value) as
       case
         when regexp_matches(regexp_replace(value, '[^0-9+]', '', 'g'), '^(\\+|00)[1-9][0-9]{6,14}$')
           then regexp_replace(regexp_replace(value, '[^0-9+]', '', 'g'), '^00', '+')
         when regexp_matches(regexp_replace(value, '[^0-9+]', '', 'g'), '^[2-9][0-9]{7}$')
           then '+47' || regexp_replace(value, '[^0-9+]', '', 'g')
       end""",
    "create or replace temp macro email_hash(value) as keyed_hash(normalise_email(value))",
    "create or replace temp macro phone_hash(value) as keyed_hash(normalise_phone(value))",
)


def install(connection: duckdb.DuckDBPyConnection, key: bytes) -> None:
    """Give one DuckDB connection (or cursor) the macros keyed_hash, normalise_email/phone, email_hash, phone_hash.

    Every cursor is a connection of its own in DuckDB: call it for each.
    """
    import hashlib

    block = (key if len(key) <= _BLOCK else hashlib.sha256(key).digest()).ljust(_BLOCK, b"\0")
    connection.execute("set variable hash_inner_pad = ?::blob", [bytes(b ^ 0x36 for b in block)])
    connection.execute("set variable hash_outer_pad = ?::blob", [bytes(b ^ 0x5C for b in block)])
    for macro in _MACROS:
        connection.execute(macro)


# What mask() does, for SQL: {value} is a text expression.
MASK_SQL = "(left({value}, 1) || '***(' || length({value}) || ')')"


def mask(value: object) -> str | None:
    """A personal value as a person may see it: its first character and length; None stays None."""
    if value is None:
        return None
    text = str(value)
    return f"{text[:1]}***({len(text)})"


def scrub(text: str) -> str:
    """A text that may quote data, with addresses masked."""
    return _ADDRESS.sub(lambda m: mask(m.group()) or "", text)


def error_text(message: str, limit: int = 400) -> str:
    """An exception's message in one line: without the SQL, and with what it quotes of the data masked."""
    text = re.split(r"\n\s*LINE \d+:|\[SQL:|\(Background on", message)[0]
    text = _QUOTED.sub(lambda m: f"'{mask(m.group(1))}'", " ".join(text.split()))
    return scrub(text)[:limit] or "no message"
