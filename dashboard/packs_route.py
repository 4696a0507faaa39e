"""The way to a pack's files: a route of its own behind the gate, since media links know no session.

Only files that lie directly in a pack's folder of this store are answered, by their plain names, as
downloads. Everything else under /packs/ is 404.
"""

from __future__ import annotations

import re
from pathlib import Path

from starlette.responses import FileResponse, PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

PREFIX = "/packs/"
_ADDRESS = re.compile(r"/packs/(MP-[0-9a-f]{12})/([a-z0-9][a-z0-9_]*(?:\.[a-z0-9]+)+)\Z")


def pack_file(folder: Path, path: str) -> Path | None:
    """The file that an address names, None where it names none. folder: the store's packs."""
    match = _ADDRESS.match(path)
    if match is None:
        return None
    found = folder / match[1] / match[2]
    # A link planted in the folder must not lead out of it.
    if found.is_symlink() or found.parent.is_symlink() or not found.is_file():
        return None
    return found


class PacksMiddleware:
    """Answers /packs/…; must stand behind the gate."""

    def __init__(self, app: ASGIApp, folder: Path) -> None:
        self._app = app
        self._folder = folder

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send a pack's file, or pass the request on."""
        if scope["type"] != "http" or not scope["path"].startswith(PREFIX):
            await self._app(scope, receive, send)
            return
        found = pack_file(self._folder, scope["path"])
        if found is None or scope["method"] not in {"GET", "HEAD"}:
            await PlainTextResponse("No such pack or file.\n", 404)(scope, receive, send)
            return
        answer = FileResponse(
            found,
            filename=f"{found.parent.name}_{found.name}",
            content_disposition_type="attachment",
            headers={"cache-control": "no-store"},
        )
        await answer(scope, receive, send)
