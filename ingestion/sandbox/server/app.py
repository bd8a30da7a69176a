"""The ASGI app of the sandbox: every vendor under its own prefix, and /_sandbox to turn its clock and order faults."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from datetime import date
from functools import cache

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from ingestion.sandbox.server import vendors as vendors_room
from ingestion.sandbox.server.faults import Faults, Order, Orders
from ingestion.sandbox.server.recording import Recorder, Recording
from ingestion.sandbox.server.vendor import Desk, Vendor, json_response
from ingestion.sandbox.store import World


@cache
def all_vendors() -> tuple[Vendor, ...]:
    """Every module in sandbox/server/vendors defines one `VENDOR`, named like the module."""
    names = [m.name for m in pkgutil.iter_modules(vendors_room.__path__)]
    return tuple(importlib.import_module(f"{vendors_room.__name__}.{n}").VENDOR for n in sorted(names) if n[0] != "_")


def environment(url: str, *, demo: bool = True) -> dict[str, str]:
    """The settings under which the demo's sources read the sandbox at `url`; not `demo`: every source."""
    wanted = [v for v in all_vendors() if v.in_demo or not demo]
    return {key: value for vendor in wanted for key, value in vendor.environment(url).items()}


def make_app(world: World, clock: date) -> Starlette:
    """The app for a company, standing at the start of the day `clock`."""
    desk, orders = Desk(world, clock), Orders()

    def state(request: Request) -> Response:
        body = {
            "clock": desk.clock.isoformat(),
            "size": world.size,
            "seed": world.seed,
            "from": world.start_date.isoformat(),
            "through": world.through_date.isoformat(),
            "vendors": [v.name for v in all_vendors()],
            "struck": orders.struck,
        }
        return json_response(body)

    async def clock_(request: Request) -> Response:
        try:
            day = date.fromisoformat((await request.json())["as_of"])
        except (ValueError, KeyError, TypeError):
            return json_response({"error": 'send {"as_of": "2026-11-20"}'}, 400)
        desk.set_clock(day)
        return state(request)

    async def faults(request: Request) -> Response:
        if request.method == "DELETE":
            orders.clear()
            return state(request)
        try:
            order = Order(**(await request.json()))
        except (ValueError, TypeError) as e:
            return json_response({"error": str(e)}, 400)
        orders.place(order)
        return state(request)

    async def record(request: Request) -> Response:
        """POST begins to keep what vendors are asked, GET gives it: [{method, url, headers, body (base64)}]."""
        if request.method == "POST":
            recorder.calls = []
        return json_response(recorder.calls or [])

    control = Mount(
        "/_sandbox",
        routes=[
            Route("/state", state),
            Route("/clock", clock_, methods=["POST"]),
            Route("/faults", faults, methods=["POST", "DELETE"]),
            Route("/record", record, methods=["POST", "GET"]),
        ],
    )
    known = {v.name: v for v in all_vendors()}
    mounts = [Mount(f"/{v.name}", routes=list(v.routes(desk))) for v in known.values()]
    recorder = Recorder()
    middleware = [Middleware(Recording, recorder=recorder), Middleware(Faults, orders=orders, vendors=known)]

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        with app.state.beside:
            yield

    app = Starlette(routes=[control, *mounts], middleware=middleware, lifespan=lifespan)
    app.state.desk, app.state.orders = desk, orders
    app.state.beside = ExitStack()  # what vendors serve beside HTTP, on the next port (run.py)
    return app
