"""A login in the user's browser: authorization code with PKCE (RFC 6749 section 4.1, RFC 7636, RFC 8252)."""

import asyncio
import hmac
import os
import sys
import threading
import webbrowser
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Protocol, Self
from urllib.parse import urlencode, urlsplit

from tornado import web
from tornado.httpserver import HTTPServer

from hoopaddon.errors import ConfigError
from hoopaddon.login.forms import BadRequest, fields_of
from hoopaddon.login.protocol import AUTHORIZATION_CODE, LoginFailed, new_secret, s256
from hoopaddon.login.sockets import listening

WITHIN_S = 300.0
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'",
    "Content-Type": "text/plain; charset=utf-8",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class AuthorizationServer(Protocol):
    """Where the browser is sent, and the code is taken afterwards."""

    @property
    def issuer(self) -> str: ...
    @property
    def client_id(self) -> str: ...
    @property
    def redirect_uri(self) -> str: ...
    @property
    def authorization_endpoint(self) -> str: ...
    @property
    def token_endpoint(self) -> str: ...
    @property
    def sends_issuer(self) -> bool: ...

    async def post(self, address: str, **form: str) -> tuple[int, dict[str, Any]]: ...


async def by_browser(
    server: AuthorizationServer, show: Callable[[str], None], asked: Mapping[str, str], within_s: float = WITHIN_S
) -> tuple[int, dict[str, Any]]:
    """What the token endpoint answers, once the user has logged in. Raises `LoginFailed`, `NotFetched`.

    `show` is given the address that the browser has to open; `asked` is what it asks for there beside a code.
    """
    state, verifier = new_secret(), new_secret()
    with Receiver(server.redirect_uri, state) as receiver:
        query = {
            "response_type": "code",
            "client_id": server.client_id,
            "redirect_uri": receiver.redirect_uri,
            "state": state,
            "code_challenge": s256(verifier),
            "code_challenge_method": "S256",
            **asked,
        }
        joint = "&" if urlsplit(server.authorization_endpoint).query else "?"
        show(f"{server.authorization_endpoint}{joint}{urlencode(query)}")
        answer = await receiver.answer(within_s)
    # RFC 9207 section 2.4: the answer of another server is not taken to this one.
    if answer.get("iss", "" if server.sends_issuer else server.issuer) != server.issuer:
        raise LoginFailed("what the browser brought back is of another provider")
    if "error" in answer:
        said = "".join(char for char in answer["error"][:100] if char.isprintable())
        raise LoginFailed(f"the provider has not logged anybody in: {said}")
    return await server.post(
        server.token_endpoint,
        grant_type=AUTHORIZATION_CODE,
        code=answer.get("code", ""),
        redirect_uri=receiver.redirect_uri,
        code_verifier=verifier,
    )


class Receiver:
    """Listens on this machine for the browser that comes back with this state, and for nobody else."""

    def __init__(self, redirect_uri: str, state: str) -> None:
        parts = urlsplit(redirect_uri)
        self._host, self._path = parts.hostname or "", parts.path or "/"
        self._port = parts.port or 0
        self._state = state
        self._answer: asyncio.Future[dict[str, str]] = asyncio.get_running_loop().create_future()
        self._server = HTTPServer(
            web.Application(
                default_handler_class=_Callback, default_handler_args={"receiver": self}, log_function=lambda _: None
            ),
            max_header_size=32 * 1024,
            max_body_size=1024,
            idle_connection_timeout=10,
        )
        self.redirect_uri = ""

    def __enter__(self) -> Self:
        bracketed = f"[{self._host}]" if ":" in self._host else self._host
        try:
            sockets = listening("127.0.0.1" if self._host == "localhost" else self._host, self._port)
        except OSError as e:
            raise ConfigError(
                f"cannot listen at {bracketed}:{self._port} for the browser to come back: {e.strerror}"
            ) from None
        self._server.add_sockets(sockets)
        self.redirect_uri = f"http://{bracketed}:{sockets[0].getsockname()[1]}{self._path}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.stop()

    async def answer(self, within_s: float) -> dict[str, str]:
        """What the browser brings back. Raises `LoginFailed` where it does not come."""
        try:
            async with asyncio.timeout(within_s):
                answer = await self._answer
        except TimeoutError:
            raise LoginFailed(f"nobody has logged in within {within_s:g} s") from None
        finally:
            await self._server.close_all_connections()
        return answer

    def take(self, path: str, query: str) -> bool:
        """Whether a browser comes back from this login; the first that does is the one."""
        try:
            said = fields_of(query)
        except BadRequest:
            return False
        is_ours = path == self._path and hmac.compare_digest(said.get("state", "").encode(), self._state.encode())
        if not is_ours or self._answer.done() or not ({"code", "error"} & said.keys()):
            return False
        self._answer.set_result(said)
        return True


class _Callback(web.RequestHandler):
    def initialize(self, receiver: Receiver) -> None:
        self._receiver = receiver

    def set_default_headers(self) -> None:
        for name, value in _HEADERS.items():
            self.set_header(name, value)

    async def get(self) -> None:
        if self._receiver.take(self.request.path, self.request.query):
            await self.finish("That is all here. Go back to the terminal.\n")
        else:
            self.set_status(400)
            await self.finish("This is not the login that was begun in the terminal.\n")

    def log_exception(self, *_said: Any) -> None:
        """Requests hold codes."""


# -- the browser


def has_browser() -> bool:
    """Whether a browser can be opened where the user sees it."""
    if os.environ.get("BROWSER"):
        return True
    if sys.platform.startswith(("linux", "freebsd")) and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        # Those that run in a terminal cannot log in at most providers, and take this one.
        return False
    try:
        webbrowser.get()
    except webbrowser.Error:
        return False
    return True


def open_browser(address: str) -> None:
    """Open it without waiting: some browsers return when they are closed."""
    threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
