"""The application in a browser: textual-serve runs it in a process of its own for every page."""

from __future__ import annotations

import os
import select
import shlex
import socket
import sys
import threading
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from agents.agent import AgentError

HOST = "127.0.0.1"
_INSTALL = "pip install 'meijin[web]'"


def is_served() -> bool:
    """Whether this process draws for a browser (textual-serve says so in its environment)."""
    return os.environ.get("TEXTUAL_DRIVER", "").endswith("WebDriver")


def end_with_server() -> None:
    """End this process as soon as nobody reads what it draws, however the server ended.

    Textual goes on without a reader: it draws again and again, and no longer hears a signal.
    """
    if hasattr(select, "poll"):  # not on Windows
        threading.Thread(target=_wait_for_reader_to_go, name="reader", daemon=True).start()


def _wait_for_reader_to_go() -> None:
    if sys.__stdout__ is None:
        return  # without an output there is no reader
    output = select.poll()
    output.register(sys.__stdout__.fileno(), 0)  # POLLERR is told unasked
    output.poll()
    os._exit(1)


def serve(arguments: Sequence[str], *, port: int) -> None:
    """Serve ``meijin play ARGUMENTS`` on loopback until Ctrl+C.

    Pages of other sites could reach a server on loopback through the browser, so that only pages
    which this server sent may open the connection that plays, and a name that somebody else has
    pointed at this machine is not answered at all.

    Raises:
        AgentError: textual-serve is not installed, or the port is taken.
    """
    try:
        from aiohttp import web
        from textual_serve.server import Server
    except ImportError:
        raise AgentError(f"--web needs textual-serve, which is not installed: {_INSTALL}") from None

    allowed = {f"{name}:{port}" for name in (HOST, "localhost")}

    @web.middleware
    async def refuse_strangers(request: web.Request, handler: Any) -> Any:
        """Refuse foreign names for this machine, and whoever a foreign page sends."""
        origin = request.headers.get("Origin")
        if request.host not in allowed or (origin and urlsplit(origin).netloc not in allowed):
            raise web.HTTPForbidden(text="only pages of this server may play")
        return await handler(request)

    class LoopbackServer(Server):
        """Answers its own pages only."""

        async def handle_websocket(self, request: web.Request) -> Any:
            """Refuse whoever does not say which page sends him: browsers always do."""
            if "Origin" not in request.headers:
                raise web.HTTPForbidden(text="only pages of this server may play")
            return await super().handle_websocket(request)

        async def _make_app(self) -> web.Application:
            app: web.Application = await super()._make_app()
            app.middlewares.append(refuse_strangers)
            return app

    _check_port(port)
    command = shlex.join([sys.executable, "-m", "scripts.cli", "play", *arguments])
    LoopbackServer(command, host=HOST, port=port, title="Meijin").serve()


def _check_port(port: int) -> None:
    """Refuse a port that somebody else listens on, before anything is drawn."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            why = error.strerror or error
            raise AgentError(
                f"cannot serve on {HOST}:{port}: {why}; name another port with --port"
            ) from None
