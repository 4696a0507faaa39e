"""Who may speak to the dashboard: this machine only, by its own names, with the one-time token.

The gate stands before every route of Streamlit, web sockets included. It knows no accounts: whoever
started the server holds the token, and the first browser to present it holds the session.
"""

from __future__ import annotations

import hmac
import secrets
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEALTH_PATH = "/_stcore/health"
TOKEN_KEY = "token"  # noqa: S105  # the name of a query key, not a secret

_HOW_TO_OPEN = """\
Muniment: this page needs the address printed at start.

The dashboard answers only the browser in which that address was opened. The token in the address
works once. To open the dashboard again, in this or another browser, stop it and start it anew
with `muniment dashboard`, then open the address that it prints.
"""


class Gate:
    """The session of one server: its token (used up once), its cookie and its allowed hosts."""

    def __init__(self, port: int, token: str, script_hashes: tuple[str, ...] = ()) -> None:
        self.cookie_name = f"muniment_session_{port}"
        self.hosts = frozenset(f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]"))
        self._token = token.encode()
        self._token_used = False
        self._session = secrets.token_urlsafe(32)
        self._policy = _content_policy(script_hashes)

    def use_token(self, given: str) -> bool:
        """Whether `given` is the token, unused till now; a right token is used up by asking."""
        right = hmac.compare_digest(given.encode("utf-8", "replace"), self._token)
        if not right or self._token_used:
            return False
        self._token_used = True
        return True

    def knows(self, cookie_header: str) -> bool:
        """Whether the request carries this server's session."""
        # By hand: SimpleCookie stops at the first cookie it dislikes, and all ports of this machine
        # share their cookies, so another program's could lock the reader out.
        pairs = (part.strip().partition("=") for part in cookie_header.split(";"))
        given = [value for name, _, value in pairs if name == self.cookie_name]
        wanted = self._session.encode()
        return any(hmac.compare_digest(g.encode("utf-8", "replace"), wanted) for g in given)

    def cookie(self) -> str:
        """The Set-Cookie value; without Max-Age, so that it ends with the browser session."""
        return f"{self.cookie_name}={self._session}; Path=/; HttpOnly; SameSite=Strict"

    def security_headers(self) -> list[tuple[bytes, bytes]]:
        """Headers that every answer carries."""
        return [
            (b"content-security-policy", self._policy.encode()),
            (b"x-frame-options", b"DENY"),
            (b"x-content-type-options", b"nosniff"),
            (b"referrer-policy", b"no-referrer"),
            (b"cross-origin-opener-policy", b"same-origin"),
            (b"cross-origin-resource-policy", b"same-origin"),
            (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
        ]


def _content_policy(script_hashes: tuple[str, ...]) -> str:
    # Streamlit styles by injected <style>, so styles stay inline; scripts are its own files and the
    # inline one of its index page, by digest.
    scripts = " ".join(["'self'", *(f"'sha256-{digest}'" for digest in script_hashes)])
    return (
        f"default-src 'none'; script-src {scripts}; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; manifest-src 'self'; "
        "worker-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'none'; "
        "frame-src 'none'; frame-ancestors 'none'"
    )


class GateMiddleware:
    """Refuses what the gate does not know, before Streamlit sees it."""

    def __init__(self, app: ASGIApp, gate: Gate) -> None:
        self._app = app
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, redirect the bearer of the token, or refuse."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        headers = _headers(scope)
        refusal = self._refusal(scope, headers)
        if refusal is None:
            redirect = self._redirect(scope, headers)
            if redirect is not None:
                await _answer(send, 303, "", self._gate, redirect)
                return
            if not self._may_pass(scope, headers):
                refusal = _HOW_TO_OPEN
        if refusal is None:
            await self._app(scope, receive, _with_headers(send, self._gate))
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": ""})
        else:
            await _answer(send, 403, refusal, self._gate, [])

    def _refusal(self, scope: Scope, headers: dict[str, list[str]]) -> str | None:
        forwarded = sorted(n for n in headers if n == "forwarded" or n.startswith("x-forwarded"))
        if forwarded:
            return (
                f"Refused: the request carries `{forwarded[0]}`. Without login the dashboard "
                "answers this machine only, not through a proxy.\n"
            )
        hosts = headers.get("host", [])
        if len(hosts) != 1 or hosts[0].lower() not in self._gate.hosts:
            return "Refused: unknown host name. Open the address printed at start.\n"
        origins = headers.get("origin", [])
        own = f"http://{hosts[0].lower()}"
        if scope["type"] == "websocket" and [o.lower() for o in origins] != [own]:
            return "Refused: the web socket comes from another origin.\n"
        if any(origin.lower() != own for origin in origins):
            return "Refused: the request comes from another origin.\n"
        return None

    def _redirect(
        self, scope: Scope, headers: dict[str, list[str]]
    ) -> list[tuple[bytes, bytes]] | None:
        """Headers of the redirect to the same address without its token, if one is due."""
        if scope["type"] != "http" or scope["method"] != "GET":
            return None
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        tokens = [value for key, value in query if key == TOKEN_KEY]
        if not tokens:
            return None
        known = self._gate.knows("; ".join(headers.get("cookie", [])))
        used = not known and len(tokens) == 1 and self._gate.use_token(tokens[0])
        if not (known or used):
            return None
        rest = urlencode([(key, value) for key, value in query if key != TOKEN_KEY])
        # The host is one of ours, so that a path like `//elsewhere` stays here.
        path = quote("/" + scope["path"].lstrip("/"))
        location = f"http://{headers['host'][0].lower()}{path}{'?' if rest else ''}{rest}"
        found = [(b"location", location.encode("latin-1"))]
        return [*found, (b"set-cookie", self._gate.cookie().encode())] if used else found

    def _may_pass(self, scope: Scope, headers: dict[str, list[str]]) -> bool:
        if scope["type"] == "http" and scope["path"] == HEALTH_PATH:
            return True
        return self._gate.knows("; ".join(headers.get("cookie", [])))


def _headers(scope: Scope) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        found.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    return found


def _with_headers(send: Send, gate: Gate) -> Send:
    async def send_guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            ours = gate.security_headers()
            names = {name for name, _ in ours}
            kept = [pair for pair in message.get("headers", []) if pair[0].lower() not in names]
            message = {**message, "headers": [*kept, *ours]}
        await send(message)

    return send_guarded


async def _answer(
    send: Send, status: int, text: str, gate: Gate, extra: list[tuple[bytes, bytes]]
) -> None:
    body = text.encode()
    headers: list[Any] = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        *gate.security_headers(),
        *extra,
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
