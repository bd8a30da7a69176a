"""What a vendor of the sandbox is made of: routes, error envelopes, tokens, and the desk it reads the company from."""

from __future__ import annotations

import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

import orjson
from starlette.responses import Response
from starlette.routing import BaseRoute

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from ingestion.sandbox.store import World

# The faults a vendor answers in its own envelope; the other kinds (slow, reset, truncated) are the wire's.
ENVELOPE_FAULTS = ("rate_limit", "server_error", "expired_token")
# The faults a vendor works into a good answer: a row nobody can read; a renamed or retyped field.
BODY_FAULTS = ("malformed_row", "schema_change")


class Desk:
    """Where vendors read the company from, as it stands at the start of the day `clock`: days before it are over.

    Schema `now` holds what the vendors' systems know at the clock: ad_accounts, ad_campaigns, ad_groups, ads, ad_keywords (newest
    version each, with first_valid_from), ad_delivery (cells summed over postings), ad_clicks (not taken back),
    ad_search_terms, ad_conversions (reported and not retracted), ad_conversion_actions, lead_forms, lead_form_responses,
    exchange_rates, mail_events. Schema `world` holds the same with all versions and postings. Columns: ingestion/sandbox/tables.py.
    """

    _KEYS: Mapping[str, str] = {
        "ad_campaigns": "platform, campaign_id",
        "ad_groups": "platform, ad_group_id",
        "ads": "platform, ad_id",
        "ad_keywords": "platform, ad_group_id, keyword_id",
    }
    _POSTED: Mapping[str, str] = {
        "ad_delivery": "date, platform, account_id, campaign_id, ad_group_id, ad_id, keyword_id, network, device",
        "ad_search_terms": "date, platform, account_id, campaign_id, ad_group_id, keyword_id, search_term, match_type",
    }

    def __init__(self, world: World, clock: date) -> None:
        self._con: duckdb.DuckDBPyConnection = world.con()
        self._lock = threading.Lock()
        self.turn = 0  # counts set_clock: what a vendor derives from `now` holds for one turn
        self.world = world
        self.set_clock(clock)

    def set_clock(self, clock: date) -> None:
        """Turn the clock: what was not yet known then is gone, what became known is there."""
        with self._lock:
            con, at = self._con.cursor(), f"date '{clock.isoformat()}'"
            con.execute("create schema if not exists now")
            for table in ("ad_accounts", "ad_conversion_actions", "lead_forms"):
                con.execute(f"create or replace table now.{table} as select * from world.{table}")
            for table, key in self._KEYS.items():
                con.execute(
                    f"""create or replace table now.{table} as
                        select *, min(valid_from) over (partition by {key}) as first_valid_from
                        from world.{table} where valid_from <= {at}
                        qualify row_number() over (partition by {key} order by valid_from desc) = 1"""
                )
            for table, cell in self._POSTED.items():
                con.execute(
                    f"""create or replace table now.{table} as
                        select {cell}, sum(impressions)::bigint as impressions, sum(clicks)::bigint as clicks,
                               sum(cost_micros)::bigint as cost_micros
                        from world.{table} where posted_date <= {at} group by {cell}
                        having sum(impressions) <> 0 or sum(clicks) <> 0 or sum(cost_micros) <> 0
                        order by date, account_id, campaign_id"""
                )
            kept = {
                "ad_clicks": f"date < {at} and (invalid_date is null or invalid_date > {at})",
                "ad_conversions": f"reported_date <= {at} and (retracted_date is null or retracted_date > {at})",
                "lead_form_responses": f"submitted_at < {at}",
                "exchange_rates": f"date <= {at}",
                "mail_events": f"happened_at < {at}",
            }
            for table, condition in kept.items():
                con.execute(f"create or replace table now.{table} as select * from world.{table} where {condition}")
            self.clock = clock
            self.turn += 1

    def rows(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[dict[str, Any]]:
        """The answer of a query as dicts. Safe to call from several threads."""
        found: list[dict[str, Any]] = self.arrow(sql, parameters).to_pylist()
        return found

    def arrow(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> pa.Table:
        return self._con.cursor().execute(sql, parameters).to_arrow_table()


class Meter:
    """Counts calls: so many within some seconds, so many a day. A refused call counts for nothing."""

    def __init__(self) -> None:
        self._recent: deque[float] = deque()
        self._today = 0
        self._lock = threading.Lock()

    def reset(self) -> None:
        with self._lock:
            self._recent.clear()
            self._today = 0

    def count(self, most: int, seconds: float, daily: int) -> tuple[str, int, int]:
        """(the limit that is reached, "day" or "window", "" for none; calls left in the window; calls left today)."""
        with self._lock:
            now = time.monotonic()
            while self._recent and self._recent[0] < now - seconds:
                self._recent.popleft()
            reached = "day" if self._today >= daily else "window" if len(self._recent) >= most else ""
            if not reached:
                self._recent.append(now)
                self._today += 1
            return reached, most - len(self._recent), max(0, daily - self._today)


@dataclass
class Tokens:
    """The access tokens a vendor has given out, and the credentials it gives them for."""

    client_id: str
    client_secret: str
    refresh_token: str
    lifetime: float = 3600.0  # seconds
    rotates: bool = False  # whether each use gives a new refresh token, as Microsoft does
    _live: dict[str, float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def issue(self, form: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        """(status, body) of a token request, by RFC 6749: form has grant_type, client_id, client_secret, refresh_token."""
        if form.get("grant_type") != "refresh_token":
            return 400, {"error": "unsupported_grant_type", "error_description": "Use refresh_token."}
        if (form.get("client_id"), form.get("client_secret")) != (self.client_id, self.client_secret):
            return 401, {"error": "invalid_client", "error_description": "Unknown client or wrong secret."}
        with self._lock:
            if form.get("refresh_token") != self.refresh_token:
                return 400, {"error": "invalid_grant", "error_description": "The refresh token is not valid."}
            token = secrets.token_urlsafe(24)
            self._live[token] = time.monotonic() + self.lifetime
            body = {"access_token": token, "expires_in": int(self.lifetime), "token_type": "Bearer"}
            if self.rotates:
                self.refresh_token = secrets.token_urlsafe(24)
                body["refresh_token"] = self.refresh_token
            return 200, body

    def accepts(self, token: str) -> bool:
        with self._lock:
            return self._live.get(token, 0.0) > time.monotonic()

    def expire(self) -> None:
        """Forget every access token: the next call of each client must renew."""
        with self._lock:
            self._live.clear()


@dataclass(frozen=True)
class Vendor:
    """One vendor of the sandbox, served under /<name>.

    `routes(desk)` gives its routes (paths as the vendor's, without the prefix). `error(kind)` answers one of
    ENVELOPE_FAULTS as the vendor does; for expired_token it also makes the clients' tokens invalid where they can renew.
    `spoil(kind, body)` works one of BODY_FAULTS into a good answer's bytes. `environment(url)` gives the settings under
    which our source reads this server; url is the server's own, e.g. http://127.0.0.1:8905.
    """

    name: str
    routes: Callable[[Desk], Sequence[BaseRoute]]
    error: Callable[[str], Response]
    spoil: Callable[[str, bytes], bytes]
    environment: Callable[[str], Mapping[str, str]]
    in_demo: bool = True


def json_response(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """JSON as a vendor sends it, by orjson."""
    return Response(orjson.dumps(body), status, headers, "application/json; charset=utf-8")


async def form_of(request: Any) -> dict[str, str]:
    """The fields of an urlencoded body."""
    from urllib.parse import parse_qsl

    return dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))
