"""The gate before the dashboard, met by raw requests at a real server."""

from __future__ import annotations

import http.client
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from dashboard.gate import Gate
from dashboard.server import run_dashboard
from muniment.errors import StoreError, UsageError

ROOT = Path(__file__).resolve().parent.parent
Headers = dict[str, str]


class Server:
    """A dashboard in a process of its own, started in a folder that is not the bundle's."""

    def __init__(
        self, store: Path, *, environment: Headers | None = None,
        command: list[str] | None = None, folder: Path | None = None,
    ) -> None:  # fmt: skip
        self.store = store
        self._cookie: str | None = None
        (store / "muniment.toml").write_text('format_version = "1"\n')
        code = (
            "from pathlib import Path; from dashboard.server import run_dashboard; "
            f"run_dashboard(Path({str(store)!r}), port=0, "
            "ready=lambda a: print(a, flush=True))"
        )
        given = {"PYTHONPATH": str(ROOT), **(environment or {})}
        given["PYTHONPATH"] += os.pathsep + os.environ.get("PYTHONPATH", "")
        self.process = subprocess.Popen(
            [sys.executable, *(command or ["-c", code])],
            cwd=folder or store, stdout=subprocess.PIPE, text=True, env={**os.environ, **given},
        )  # fmt: skip
        assert self.process.stdout is not None
        self.address = self.process.stdout.readline().strip().split(" ")[-1]
        parts = urlsplit(self.address)
        assert parts.port is not None, "the server did not start"
        self.port, self.token = parts.port, parts.query.removeprefix("token=")

    def ask(
        self, path: str, headers: Headers | None = None, *, host: str | None = None,
        method: str = "GET",
    ) -> tuple[int, http.client.HTTPMessage, str]:  # fmt: skip
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.putrequest(method, path, skip_host=True)
        connection.putheader("Host", host or f"127.0.0.1:{self.port}")
        for name, value in (headers or {}).items():
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        # A web socket that was let in has no body that ends.
        body = "" if answer.status == 101 else answer.read().decode()
        connection.close()
        return answer.status, answer.headers, body

    def open(self) -> Headers:
        """The cookie that the token gave; the first call uses the token up."""
        if self._cookie is None:
            status, headers, _ = self.ask(f"/?token={self.token}")
            assert status == 303
            self._cookie = headers["set-cookie"].split(";")[0]
        return {"Cookie": self._cookie}

    def socket(self, headers: Headers, host: str | None = None) -> int:
        upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
                   "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}  # fmt: skip
        return self.ask("/_stcore/stream", {**upgrade, **headers}, host=host)[0]

    @property
    def origin(self) -> Headers:
        return {"Origin": f"http://127.0.0.1:{self.port}"}

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all who do not mind that its token may be used up."""
    running = Server(tmp_path_factory.mktemp("store"))
    yield running
    running.stop()


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Server]:
    """A server whose token nobody has used."""
    running = Server(tmp_path)
    yield running
    running.stop()


def test_request_without_session_is_refused_and_told_how_to_open(server: Server) -> None:
    for path in ("/", "/control?id=OVR-03", "/static/js/x.js", "/_stcore/host-config", "/media/x"):
        status, headers, body = server.ask(path)
        assert status == 403
        assert "muniment dashboard" in body
        assert headers["content-type"].startswith("text/plain")
        assert "set-cookie" not in headers
    assert server.token not in body


def test_token_opens_once_and_redirect_does_not_carry_it(fresh: Server) -> None:
    status, headers, body = fresh.ask(f"/control?id=OVR-03&token={fresh.token}&x=1")
    assert status == 303
    assert headers["location"] == f"http://127.0.0.1:{fresh.port}/control?id=OVR-03&x=1"
    assert fresh.token not in f"{headers}{body}"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    cookie = headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert fresh.ask("/", {"Cookie": cookie.split(";")[0]})[0] == 200

    assert fresh.ask(f"/?token={fresh.token}")[0] == 403, "a used token opens nothing"


def test_wrong_token_is_refused_and_leaves_the_right_one_good(fresh: Server) -> None:
    for wrong in ("", "x", fresh.token[:-1], fresh.token + "x", "%00", "%F0%9F%94%91"):
        assert fresh.ask(f"/?token={wrong}")[0] == 403
    assert fresh.ask(f"/?token={fresh.token}&token={fresh.token}")[0] == 403
    assert fresh.ask(f"/?token={fresh.token}", method="POST")[0] == 403
    assert fresh.ask(f"/?token={fresh.token}")[0] == 303


def test_redirect_of_foreign_looking_path_stays_here(fresh: Server) -> None:
    status, headers, _ = fresh.ask(f"//elsewhere.example/?token={fresh.token}")
    assert status == 303
    assert urlsplit(headers["location"]).netloc == f"127.0.0.1:{fresh.port}"


def test_spent_token_with_session_redirects_without_it(server: Server) -> None:
    session = server.open()
    status, headers, _ = server.ask(f"/controls?token={server.token}", session)
    assert status == 303
    assert headers["location"].endswith("/controls")
    assert "set-cookie" not in headers


def test_foreign_host_is_refused_even_with_session(server: Server) -> None:
    session = server.open()
    foreign = ("example.org", f"example.org:{server.port}", "127.0.0.1", "127.0.0.1:1",
               f"127.0.0.1.example.org:{server.port}", f"0.0.0.0:{server.port}")  # fmt: skip
    for host in foreign:
        assert server.ask("/", session, host=host)[0] == 403
        assert server.ask("/_stcore/health", host=host)[0] == 403
    for host in (f"localhost:{server.port}", f"[::1]:{server.port}"):
        assert server.ask("/", session, host=host)[0] == 200


@pytest.mark.parametrize(
    "name", ["Forwarded", "X-Forwarded-For", "x-forwarded-host", "X-Forwarded-Proto"]
)
def test_forwarded_request_is_refused_even_with_session(server: Server, name: str) -> None:
    session = server.open()
    status, _, body = server.ask("/", {**session, name: "for=10.0.0.1"})
    assert status == 403
    assert name.lower() in body


def test_web_socket_needs_session_host_and_own_origin(server: Server) -> None:
    session = server.open()
    assert server.socket(server.origin) == 403, "no session"
    assert server.socket({**server.origin, "Cookie": "muniment_session=x"}) == 403
    assert server.socket(session) == 403, "no origin"
    assert server.socket({**session, "Origin": "http://example.org"}) == 403
    assert server.socket({**session, "Origin": "null"}) == 403
    assert server.socket({**session, **server.origin}, host="example.org") == 403
    assert server.socket({**session, **server.origin, "X-Forwarded-For": "10.0.0.1"}) == 403
    assert server.socket({**session, **server.origin}) == 101


def test_health_answers_without_session(server: Server) -> None:
    status, _, body = server.ask("/_stcore/health")
    assert (status, body) == (200, "ok")
    assert server.ask("/_stcore/health/../host-config")[0] == 403


def test_every_answer_carries_security_headers(server: Server) -> None:
    session = server.open()
    for given in ({}, session):
        _, headers, _ = server.ask("/", given)
        policy = headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy
        assert "default-src 'none'" in policy
        scripts = next(p for p in policy.split("; ") if p.startswith("script-src"))
        assert "unsafe" not in scripts
        assert headers["x-frame-options"] == "DENY"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "server" not in headers


def test_environment_cannot_loosen_the_settings(tmp_path: Path) -> None:
    loose = {"STREAMLIT_SERVER_ENABLE_AGENT_API": "true", "STREAMLIT_SERVER_ADDRESS": "0.0.0.0"}
    running = Server(tmp_path, environment=loose)
    try:
        path = "/_stcore/agent/interact"
        assert running.ask(path, method="POST")[0] == 403
        status, _, _ = running.ask(path, {**running.open(), "Content-Length": "0"}, method="POST")
        assert status in {403, 404}
    finally:
        running.stop()


def test_server_runs_from_the_layout_of_a_wheel(tmp_path: Path) -> None:
    site, store = tmp_path / "site", tmp_path / "store"
    store.mkdir()
    skip = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "muniment", site / "muniment", ignore=skip)
    shutil.copytree(ROOT / "dashboard", site / "muniment" / "dashboard", ignore=skip)
    shutil.copytree(ROOT / ".streamlit", site / "muniment" / ".streamlit")
    (site / "muniment" / "mappings").mkdir()
    command = ["-m", "dashboard.server", "--port", "0", "--store", str(store)]
    given = {"PYTHONPATH": str(site)}
    running = Server(store, environment=given, command=command, folder=site / "muniment")
    try:
        assert running.ask("/control?id=OVR-03", running.open())[0] == 200
    finally:
        running.stop()


def test_cookie_of_another_server_is_not_known() -> None:
    one, two = Gate(8501, "t" * 20), Gate(8501, "t" * 20)
    assert one.knows(one.cookie())
    assert not two.knows(one.cookie())
    assert not one.knows("")
    assert not one.knows(f"{one.cookie_name}=")


def test_folder_without_store_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="muniment init"):
        run_dashboard(tmp_path, ready=print)


def test_taken_port_is_an_error_that_says_what_to_do(server: Server) -> None:
    with pytest.raises(UsageError, match="--port"):
        run_dashboard(server.store, port=server.port, ready=print)


def test_short_token_is_refused(tmp_path: Path) -> None:
    (tmp_path / "muniment.toml").write_text("")
    with pytest.raises(UsageError, match="16 characters"):
        run_dashboard(tmp_path, token="short", ready=print)


def test_session_is_known_beside_any_other_programs_cookies() -> None:
    gate = Gate(8501, "a" * 32, ())
    own = gate.cookie().split(";")[0]
    for others in ('theme={"a":1}; ', "=; a b; ", f"{gate.cookie_name}=wrong; "):
        assert gate.knows(others + own)
        assert not gate.knows(others)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"/packs/MP-{'0' * 12}/evidence_pack.pdf", 200),
        (f"/packs/MP-{'0' * 12}/no_such.pdf", 404),
        (f"/packs/MP-{'0' * 12}/../../muniment.toml", 404),
        (f"/packs/MP-{'0' * 12}/%2e%2e%2f%2e%2e%2fmuniment.toml", 404),
        (f"/packs/MP-{'1' * 12}/link.pdf", 404),
        ("/packs/", 404),
    ],
)
def test_pack_is_downloaded_with_session_only_and_nothing_else_is(
    server: Server, path: str, status: int
) -> None:
    whole, other = (server.store / "packs" / f"MP-{n * 12}" for n in "01")
    for folder in (whole, other):
        folder.mkdir(parents=True, exist_ok=True)
    (whole / "evidence_pack.pdf").write_bytes(b"%PDF-1.7")
    link = other / "link.pdf"
    if not link.is_symlink():
        link.symlink_to(server.store / "muniment.toml")
    assert server.ask(path)[0] == 403, "no session"
    found, headers, body = server.ask(path, server.open())
    assert found == status
    if status == 200:
        assert body == "%PDF-1.7"
        assert headers["content-disposition"].startswith("attachment")
        assert headers["content-type"] == "application/pdf"
    else:
        assert "format_version" not in body
