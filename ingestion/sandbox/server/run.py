"""Runs the server: in this process until it is stopped, in a child for the length of a block, or in a thread for tests."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from ingestion.settings import PROJECT_DIR

if TYPE_CHECKING:
    from starlette.applications import Starlette

HOST = "127.0.0.1"
START_SECONDS = 60.0
TRIES = 50


def serve(folder: Path, clock: date, port: int) -> None:
    """Serve the company in `folder` on loopback until a signal ends it. Prints its address as the first line."""
    import uvicorn

    from ingestion.sandbox.server.app import make_app
    from ingestion.sandbox.store import World

    app = make_app(World.open(folder), clock)
    with listens(port) as listening:
        print(f"http://{HOST}:{listening.getsockname()[1]}", flush=True)  # noqa: T201 - the parent reads it
        config = uvicorn.Config(app, log_level="error", access_log=False, timeout_keep_alive=30)
        uvicorn.Server(config).run(sockets=[listening])


@contextmanager
def listens(port: int) -> Iterator[socket.socket]:
    """A socket that listens on `port` (0: any). The next port is kept free for what a vendor serves beside HTTP."""
    for _ in range(TRIES):
        with socket.create_server((HOST, port)) as listening, socket.socket() as beside:
            beside.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)  # which gRPC sets too
            try:
                beside.bind((HOST, beside_port(listening.getsockname()[1])))
            except (OSError, OverflowError) as e:
                if port:
                    raise OSError(f"port {beside_port(port)}, which is kept beside {port}, is not free ({e})") from e
                continue
            yield listening
            return
    raise OSError(f"no two ports beside each other are free on {HOST}, {TRIES} times")


def beside_port(port: int) -> int:
    """Where a server on `port` serves what is no HTTP."""
    return port + 1


@contextmanager
def served(folder: Path, clock: date) -> Iterator[str]:
    """The address of a server in a child process, which ends with the block - also when this process is killed."""
    command = [
        sys.executable,
        "-m",
        "ingestion.sandbox",
        "serve",
        "--folder",
        str(folder),
        "--as-of",
        clock.isoformat(),
    ]
    command += ["--port", "0", "--with-parent", str(os.getpid())]
    child = subprocess.Popen(command, cwd=PROJECT_DIR, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
    try:
        assert child.stdout
        ready, _, _ = select.select([child.stdout], [], [], START_SECONDS)
        url = child.stdout.readline().strip() if ready else ""
        if not url.startswith("http"):
            raise RuntimeError(f"the sandbox did not start within {START_SECONDS:.0f} s (exit code {child.poll()})")
        yield url
    finally:
        child.terminate()
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def end_with(parent: int) -> None:
    """End this process when its parent is gone."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def served_in_thread(app: Starlette) -> Iterator[str]:
    """The address of an app served by a thread of this process, for tests."""
    import uvicorn

    with listens(0) as listening:
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical", access_log=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        deadline = time.monotonic() + START_SECONDS
        while not server.started and time.monotonic() < deadline:
            time.sleep(0.01)
        yield f"http://{HOST}:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join(10)
