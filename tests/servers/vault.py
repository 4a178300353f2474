"""A double of Vault's HTTP API, since no registry that the tests can reach carries Vault or OpenBao.

It knows the endpoints that the gateway uses, and answers as Vault's documentation of each says, errors included:
logins by AppRole and Kubernetes, tokens with their leases, key-value engines of both versions, the database engine.
"""

import json
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

ROOT_TOKEN = "hvs.root-s3cret-canary"
ROLE_ID = "role-id-of-the-gateway"
SECRET_ID = "secret-id-s3cret-canary"
JWT = "jwt-s3cret-canary"
ANSWER_WITHIN_S = 30


@dataclass
class Token:
    ttl_s: int
    ends: float
    leases: set[str] = field(default_factory=set)


@dataclass
class LeaseOfVault:
    user: str
    ends: float
    renewed: int = 0


class Vault:
    """See the module. `create` makes a database login's password effective, `drop` ends it."""

    def __init__(
        self,
        *,
        token_ttl_s: int = 0,
        lease_s: int = 60,
        create: Callable[[str, str], None] = lambda user, password: None,
        drop: Callable[[str], None] = lambda user: None,
    ) -> None:
        self.token_ttl_s, self.lease_s = token_ttl_s, lease_s
        self.kv1: dict[str, dict[str, Any]] = {}
        self.kv2: dict[str, dict[str, Any] | None] = {}
        self.tokens = {ROOT_TOKEN: Token(0, float("inf"))}
        self.leases: dict[str, LeaseOfVault] = {}
        self.passwords: list[str] = []
        self.asked: list[str] = []
        self.status = 0
        """Answers everything with this, as a sealed Vault does with 503."""
        self.hangs = threading.Event()
        self.hangs.set()
        self.create, self.drop = create, drop
        self.secret_id = SECRET_ID
        self._lock = threading.RLock()
        vault = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                vault._serve(self, None)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                vault._serve(self, json.loads(body or b"{}"))

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.hangs.set()
        self._server.shutdown()
        self._server.server_close()

    # -- one request

    def _serve(self, handler: BaseHTTPRequestHandler, body: dict[str, Any] | None) -> None:
        path = handler.path.removeprefix("/v1/")
        self.asked.append(path)
        self.hangs.wait(ANSWER_WITHIN_S)
        with self._lock:
            status, answer = (self.status, _errors("refused")) if self.status else self._answer(handler, path, body)
        data = json.dumps(answer).encode() if answer is not None else b""
        handler.send_response(status)
        handler.send_header("content-type", "application/json")
        handler.send_header("content-length", str(len(data)))
        if status == 307:
            handler.send_header("location", f"{self.address}/v1/stolen")
        handler.end_headers()
        handler.wfile.write(data)

    def _answer(
        self, handler: BaseHTTPRequestHandler, path: str, body: dict[str, Any] | None
    ) -> tuple[int, dict[str, Any] | None]:
        if body is not None and path == "auth/approle/login":
            return self._logged_in((body.get("role_id"), body.get("secret_id")) == (ROLE_ID, self.secret_id))
        if body is not None and path == "auth/kubernetes/login":
            return self._logged_in((body.get("role"), body.get("jwt")) == ("gateway", JWT))
        token = self._token(handler.headers.get("x-vault-token", ""))
        if token is None:
            return 403, _errors("permission denied", "invalid token")
        return self._read(path, token) if body is None else self._write(path, body, token)

    def _token(self, text: str) -> Token | None:
        token = self.tokens.get(text)
        if token is not None and token.ends < time.monotonic():
            # Its leases end with it.
            for lease in list(token.leases):
                self._end(lease)
            del self.tokens[text]
            return None
        return token

    def _logged_in(self, right: bool) -> tuple[int, dict[str, Any]]:
        if not right:
            return 400, _errors("invalid role or secret ID")
        token = f"hvs.{secrets.token_hex(12)}"
        ends = time.monotonic() + self.token_ttl_s if self.token_ttl_s else float("inf")
        self.tokens[token] = Token(self.token_ttl_s, ends)
        return 200, {"auth": {"client_token": token, "lease_duration": self.token_ttl_s, "renewable": True}}

    def _read(self, path: str, token: Token) -> tuple[int, dict[str, Any] | None]:
        engine, _, inner = path.partition("/")
        if path == "auth/token/lookup-self":
            return 200, {"data": {"ttl": token.ttl_s, "renewable": token.ttl_s > 0}}
        if path.startswith("sys/internal/ui/mounts/"):
            return self._mount(path.removeprefix("sys/internal/ui/mounts/"))
        if engine == "kv" and inner in self.kv1:
            return 200, {"data": self.kv1[inner], "lease_id": "", "lease_duration": 2764800}
        if engine == "secret" and (name := inner.removeprefix("data/")) in self.kv2:
            found = self.kv2[name]
            return (404 if found is None else 200), {"data": {"data": found, "metadata": {"version": 1}}}
        if path == "database/creds/readonly":
            return 200, self._creds(token)
        if path == "database/static-creds/app":
            return 200, {"data": {"username": "app", "password": "static-pw", "ttl": 120}, "lease_id": ""}
        return (404, _errors()) if engine in ("kv", "secret", "database") else (403, _errors("permission denied"))

    def _mount(self, path: str) -> tuple[int, dict[str, Any]]:
        engine = path.partition("/")[0]
        versions = {"kv": "1", "secret": "2"}
        if engine not in versions:
            return 403, _errors(f"preflight capability check returned 403, please ensure client's policies: {path}/")
        return 200, {"data": {"path": f"{engine}/", "type": "kv", "options": {"version": versions[engine]}}}

    def _creds(self, token: Token) -> dict[str, Any]:
        user, password = f"v-gateway-{secrets.token_hex(4)}", f"pw-{secrets.token_hex(12)}"
        self.create(user, password)
        self.passwords.append(password)
        lease = f"database/creds/readonly/{secrets.token_hex(8)}"
        self.leases[lease] = LeaseOfVault(user, time.monotonic() + self.lease_s)
        token.leases.add(lease)
        made = {"username": user, "password": password}
        return {"lease_id": lease, "renewable": True, "lease_duration": self.lease_s, "data": made}

    def _write(self, path: str, body: dict[str, Any], token: Token) -> tuple[int, dict[str, Any] | None]:
        if path == "auth/token/renew-self":
            if not token.ttl_s:
                return 400, _errors("lease is not renewable")
            token.ends = time.monotonic() + token.ttl_s
            return 200, {"auth": {"lease_duration": token.ttl_s, "renewable": True}}
        if path not in ("sys/leases/renew", "sys/leases/revoke"):
            return 404, _errors()
        lease = self.leases.get(str(body.get("lease_id")))
        if lease is None or lease.ends < time.monotonic():
            return 400, _errors("lease not found")
        if path.endswith("revoke"):
            self._end(str(body["lease_id"]))
            return 204, None
        lease.renewed += 1
        lease.ends = time.monotonic() + self.lease_s
        return 200, {"lease_id": body["lease_id"], "renewable": True, "lease_duration": self.lease_s}

    def _end(self, lease: str) -> None:
        ended = self.leases.pop(lease, None)
        if ended is not None:
            self.drop(ended.user)


def _errors(*errors: str) -> dict[str, Any]:
    return {"errors": list(errors)}
