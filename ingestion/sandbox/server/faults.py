"""Faults on order: what the next matching calls meet, so that a source's answer to it can be seen.

An order is {"route": regular expression on the path, "kind": .., "times": 1, "after": 0, "seconds": 5}. Kinds: rate_limit,
server_error, expired_token (in the vendor's own envelope); malformed_row, schema_change (worked into a good answer);
slow, truncated (half of the body, whole headers), reset (the connection is cut in the body).
"""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ingestion.sandbox.server.vendor import BODY_FAULTS, ENVELOPE_FAULTS, Vendor

KINDS = (*ENVELOPE_FAULTS, *BODY_FAULTS, "slow", "truncated", "reset")


@dataclass
class Order:
    """One ordered fault; `times` counts down, -1 means always."""

    route: str
    kind: str
    times: int = 1
    after: int = 0  # matching calls that pass before it strikes
    seconds: float = 5.0  # of `slow`

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"fault kind {self.kind!r}; expected one of {', '.join(KINDS)}")
        re.compile(self.route)


class Orders:
    """The faults that are on order, and how often each kind has struck."""

    def __init__(self) -> None:
        self._orders: list[Order] = []
        self._lock = threading.Lock()
        self.struck: list[tuple[str, str]] = []  # (kind, path)

    def place(self, order: Order) -> None:
        with self._lock:
            self._orders.append(order)

    def clear(self) -> None:
        with self._lock:
            self._orders.clear()
            self.struck.clear()

    def strike(self, path: str) -> Order | None:
        """The fault this call meets."""
        with self._lock:
            for order in self._orders:
                if order.times == 0 or not re.search(order.route, path):
                    continue
                if order.after > 0:
                    order.after -= 1
                    continue
                order.times -= order.times > 0
                self.struck.append((order.kind, path))
                return order
        return None


class Faults:
    """ASGI middleware that lets a vendor's calls meet the faults on order."""

    def __init__(self, app: ASGIApp, orders: Orders, vendors: Mapping[str, Vendor]) -> None:
        self._app, self._orders, self._vendors = app, orders, vendors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        name = scope.get("path", "").split("/")[1] if scope["type"] == "http" else ""
        order = self._orders.strike(scope["path"]) if name in self._vendors else None
        if order is None:
            await self._app(scope, receive, send)
        elif order.kind in ENVELOPE_FAULTS:
            await self._vendors[name].error(order.kind)(scope, receive, send)
        elif order.kind == "slow":
            await asyncio.sleep(order.seconds)
            await self._app(scope, receive, send)
        else:
            start, body = await _answer(self._app, scope, receive)
            if order.kind in BODY_FAULTS:
                body = self._vendors[name].spoil(order.kind, body)
            elif order.kind == "truncated":
                body = body[: len(body) // 2]
            headers = [(k, v) for k, v in start["headers"] if k.lower() != b"content-length"]
            start["headers"] = [*headers, (b"content-length", str(len(body)).encode())]
            await send(start)
            if order.kind == "reset":
                await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
                raise ConnectionResetError(
                    "on order"
                )  # uvicorn cuts the connection of an answer that stops in its body
            await send({"type": "http.response.body", "body": body})


async def _answer(app: ASGIApp, scope: Scope, receive: Receive) -> tuple[dict[str, Any], bytes]:
    """The whole answer of the app, held back."""
    start: dict[str, Any] = {}
    chunks: list[bytes] = []

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            start.update(message)
        elif message["type"] == "http.response.body":
            chunks.append(message.get("body", b""))

    await app(scope, receive, send)
    return start, b"".join(chunks)
