"""A certified OpenID Connect provider, run by Node.js: npm's `oidc-provider`."""

import base64
import hashlib
import os
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import httpx2

from demo.server import HOST, free_port
from tests.servers.missing import missing

ROOT = Path(__file__).parents[2]
MODULES = ROOT / "build" / "node"
_START_WITHIN_S = 60


class OidcProvider:
    """Serves while the block runs. `token_of` is a client's access token, `log_in` a person's ID token."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        self.port = port or free_port()
        self.issuer = f"http://{HOST}:{self.port}"
        self._log = folder / "oidc-provider.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def options(self) -> dict[str, Any]:
        """What a gateway is told to take its tokens."""
        return {"oidc_issuer": self.issuer, "oidc_audience": ["hoopaddon"], "oidc_clients": ["*"]}

    def __enter__(self) -> Self:
        node = shutil.which("node")
        if node is None or not (MODULES / "node_modules" / "oidc-provider").exists():
            missing("oidc-provider")
        program = [str(node), str(Path(__file__).with_suffix("").parent / "oidc_provider.mjs"), str(MODULES)]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen([*program, str(self.port)], stdout=log, stderr=log)
        deadline = time.monotonic() + _START_WITHIN_S
        while "ready" not in (said := self._log.read_text()):
            if time.monotonic() > deadline or self._process.poll() is not None:
                self.stop()
                raise RuntimeError(f"oidc-provider did not start:\n{said}")
            time.sleep(0.05)
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def stop(self) -> None:
        """From now on nobody answers there."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None

    def token_of(self, client: str, ttl_s: int = 300) -> str:
        """A client's own access token (RFC 6749 section 4.4, RFC 9068), for this gateway."""
        form = {"grant_type": "client_credentials", "resource": f"urn:hoopaddon?ttl={ttl_s}"}
        answer = httpx2.post(f"{self.issuer}/token", data=form, auth=(client, "not-so-secret"), trust_env=False)
        answer.raise_for_status()
        return str(answer.json()["access_token"])

    def log_in(self, user: str, nonce: str) -> str:
        """A person's ID token: authorization code with PKCE, through the provider's own pages."""
        verifier = base64.urlsafe_b64encode(os.urandom(32)).rstrip(b"=").decode()
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        redirect = f"http://{HOST}:1/callback"
        asked = {
            "client_id": "hoopaddon",
            "response_type": "code",
            "scope": "openid",
            "redirect_uri": redirect,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            "nonce": nonce,
            "state": "s",
        }
        asked_at = f"{self.issuer}/auth?{urlencode(asked)}"
        with httpx2.Client(trust_env=False, timeout=30) as browser:
            where = pages(browser, asked_at, user, redirect)
            (code,) = parse_qs(urlsplit(where).query)["code"]
            form = {
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": redirect,
                "client_id": "hoopaddon",
                "code_verifier": verifier,
            }
            answer = browser.post(f"{self.issuer}/token", data=form)
            answer.raise_for_status()
            return str(answer.json()["id_token"])


def pages(browser: httpx2.Client, address: str, user: str, until: str = "") -> str:
    """Do as somebody who logs in: fill in every page until one has no form, or leads to an address that begins so.

    The address that it leads to, or what the last page says.
    """
    answer = browser.get(address)
    while True:
        if where := answer.headers.get("location", ""):
            where = urljoin(str(answer.url), where)
            if until and where.startswith(until):
                return where
            answer = browser.get(where)
            continue
        action = re.search(r'action="([^"]+)"', answer.text)
        if action is None:
            return answer.text
        form = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', answer.text))
        if 'name="login"' in answer.text:
            form |= {"prompt": "login", "login": user, "password": "any"}
        answer = browser.post(urljoin(str(answer.url), action[1]), data=form)
