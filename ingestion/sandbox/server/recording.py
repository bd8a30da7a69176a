"""Keeps what the vendors are asked, so that a benchmark can ask the very same again. Off until /_sandbox/record switches it on."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LEFT_OUT = {"host", "content-length", "connection", "accept-encoding"}


@dataclass
class Recorder:
    """The calls so far; None while nothing is kept."""

    calls: list[dict[str, Any]] | None = None


class Recording:
    """ASGI middleware that notes each call of a vendor."""

    def __init__(self, app: ASGIApp, recorder: Recorder) -> None:
        self._app, self._recorder = app, recorder

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or self._recorder.calls is None or scope["path"].startswith("/_sandbox"):
            await self._app(scope, receive, send)
            return
        body = bytearray()

        async def noting() -> Message:
            message = await receive()
            body.extend(message.get("body", b""))
            return message

        await self._app(scope, noting, send)
        query = scope["query_string"].decode()
        self._recorder.calls.append(
            {
                "method": scope["method"],
                "url": scope.get("raw_path", scope["path"].encode()).decode().split("?")[0]
                + (f"?{query}" if query else ""),
                "headers": {k.decode(): v.decode() for k, v in scope["headers"] if k.decode() not in _LEFT_OUT},
                "body": b64encode(bytes(body)).decode(),
            }
        )
