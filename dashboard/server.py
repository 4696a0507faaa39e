"""Serves the dashboard to this machine: one process, one store, one session.

`python -m dashboard.server --store FOLDER` in the folder that holds `dashboard/` does the same.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import hashlib
import importlib
import os
import re
import secrets
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import streamlit
import uvicorn
from starlette.middleware import Middleware
from streamlit.starlette import App
from streamlit.web import bootstrap

from dashboard.gate import TOKEN_KEY, Gate, GateMiddleware
from dashboard.packs_route import PacksMiddleware
from muniment.bundle import bundle_root, dashboard_root
from muniment.errors import MunimentError, StoreError, UsageError

ADDRESS = "127.0.0.1"
STORE_VARIABLE = "MUNIMENT_STORE"

# Set as if given on the command line, which neither a settings file nor the environment overrides.
_FORCED: dict[str, Any] = {
    "browser.gatherUsageStats": False,
    "client.showErrorDetails": "none",
    "client.toolbarMode": "minimal",
    "global.developmentMode": False,
    "server.address": ADDRESS,
    "server.enableAgentApi": False,
    "server.enableCORS": True,
    "server.enableStaticServing": False,
    "server.enableXsrfProtection": True,
    "server.fileWatcherType": "none",
    "server.headless": True,
    "server.trustedUserHeaders": "{}",
}


def run_dashboard(
    store_root: Path,
    *,
    port: int = 8501,
    token: str | None = None,
    ready: Callable[[str], None],
) -> None:
    """Serve the dashboard of a store until interrupted.

    port: 0 takes a free one. token: what opens the first session; None draws 256 random bits.
    ready: called once with the address to open, which carries the token and works once.
    Changes the process's working directory to the bundle's and sets MUNIMENT_STORE, since Streamlit
    finds settings and store by them; so it belongs in a process of its own.
    Raises StoreError if there is no store, UsageError if the port is taken or the token is weak.
    """
    root = store_root.resolve()
    if not (root / "muniment.toml").is_file():
        raise StoreError(
            f"no store at `{root}`: it has no `muniment.toml`. Create one with `muniment init`."
        )
    if token is not None and len(token) < 16:
        raise UsageError("the token is shorter than 16 characters. Leave it out to have one drawn.")
    listener = _listen(port)
    port = listener.getsockname()[1]
    token = token or secrets.token_urlsafe(32)
    _enter_bundle(root, port)
    gate = Gate(port, token, _inline_scripts())
    behind = [
        Middleware(GateMiddleware, gate=gate),
        Middleware(PacksMiddleware, folder=root / "packs"),
    ]
    app = _application(behind, f"http://{ADDRESS}:{port}/", token, ready)
    with contextlib.closing(listener):
        uvicorn.Server(_settings(app)).run(sockets=[listener])


def _settings(app: App) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        access_log=False,
        lifespan="on",
        log_level="warning",
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=2,
        ws="websockets-sansio",
    )


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET)
    if os.name != "nt":
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((ADDRESS, port))
    except OSError as error:
        listener.close()
        raise UsageError(
            f"port `{port}` of {ADDRESS} cannot be used: {error.strerror}. "
            "Name another with `--port`, or 0 for a free one."
        ) from error
    listener.listen(128)
    listener.setblocking(False)
    return listener


def _enter_bundle(root: Path, port: int) -> None:
    bundle = bundle_root()
    os.environ[STORE_VARIABLE] = str(root)
    os.chdir(bundle)
    # At the end: in a wheel the bundle is the package's folder, whose names must not hide others.
    if str(bundle) not in sys.path:
        sys.path.append(str(bundle))
    bootstrap.load_config_options({**_FORCED, "server.port": port})


def _application(
    middleware: list[Middleware], base: str, token: str, ready: Callable[[str], None]
) -> App:
    @asynccontextmanager
    async def announce(_app: App) -> AsyncIterator[None]:
        # Loaded here, the pages cost the first reader nothing; the caches need a running runtime.
        importlib.import_module("dashboard.shell")
        # The socket listens already: whoever opens the address now is answered.
        ready(f"{base}?{TOKEN_KEY}={token}")
        yield

    return App(
        dashboard_root() / "streamlit_app.py",
        lifespan=announce,
        middleware=middleware,
    )


def _inline_scripts() -> tuple[str, ...]:
    """Digests of the scripts inside Streamlit's index page, for the content policy."""
    index = Path(streamlit.__file__).parent / "static" / "index.html"
    bodies = re.findall(r"<script>(.*?)</script>", index.read_text("utf-8"), re.DOTALL)
    return tuple(base64.b64encode(hashlib.sha256(b.encode()).digest()).decode() for b in bodies)


def main() -> None:
    """Serve the store named on the command line."""
    parser = argparse.ArgumentParser(description="Serve the dashboard of a store to this machine.")
    parser.add_argument("--store", type=Path, required=True)
    parser.add_argument("--port", type=int, default=8501)
    arguments = parser.parse_args()

    def show(address: str) -> None:
        sys.stdout.write(f"Dashboard, opens once: {address}\n")
        sys.stdout.flush()

    try:
        run_dashboard(arguments.store, port=arguments.port, ready=show)
    except MunimentError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
