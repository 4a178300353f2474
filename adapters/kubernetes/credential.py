"""What a user of the kubeconfig proves itself with, when it is needed: a token, a file, a program."""

import asyncio
import base64
import json
import os
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from mitmproxy import http

from hoopaddon.adapters.kubernetes.kubeconfig import Context
from hoopaddon.credential import CredentialUnavailable, Secret
from hoopaddon.credentials.resolving import Credentials
from hoopaddon.web.credentials import Credential

PROGRAM_WITHIN_S = 30.0
FILE_GOOD_FOR_S = 60.0
"""Tokens in files are rotated; they are read again as often as client-go does."""
RENEW_BEFORE_S = 30.0
MAX_ANSWER_BYTES = 1 << 20


def credential_of(context: Context) -> Credential | None:
    """What the context's user sends in `Authorization`; None where there is only a certificate, or nothing."""
    user = context.user
    if user.get("token"):
        return UserCredential(_Fixed(f"Bearer {user['token']}"))
    if user.get("tokenFile"):
        return UserCredential(_File(context.folder / str(user["tokenFile"])))
    if isinstance(user.get("exec"), Mapping):
        return UserCredential(_Program(user["exec"], context))
    if user.get("username") and user.get("password"):
        pair = base64.b64encode(f"{user['username']}:{user['password']}".encode()).decode()
        return UserCredential(_Fixed(f"Basic {pair}"))
    return None


class UserCredential:
    """An `Authorization` that may have to be renewed."""

    signs_bodies = False

    def __init__(self, source: "_Fixed | _File | _Program") -> None:
        self._source = source
        self._secret: Secret | None = None
        self._good_until = 0.0
        self._renewing = asyncio.Lock()

    @property
    def references(self) -> tuple[tuple[str, str], ...]:
        """None: the kubeconfig says where what it needs is."""
        return ()

    async def ready(self, credentials: Credentials) -> None:
        """See `Credential`."""
        async with self._renewing:
            if self._secret is None or time.time() >= self._good_until:
                value, self._good_until = await self._source.get()
                self._secret = Secret(value)

    def put_on(self, request: http.Request, body: bytes | None) -> None:
        """See `Credential`."""
        if self._secret is None:
            raise CredentialUnavailable("the credential is not ready")
        request.headers["authorization"] = self._secret.reveal()

    @property
    def secrets(self) -> tuple[str, ...]:
        """See `Credential`."""
        if self._secret is None:
            return ()
        value = self._secret.reveal()
        return tuple({value, value.partition(" ")[2]})

    def was_refused(self, credentials: Credentials) -> None:
        """See `Credential`: it is got anew for the next request."""
        self._good_until = 0.0


class _Fixed:
    def __init__(self, value: str) -> None:
        self._value = Secret(value)

    async def get(self) -> tuple[str, float]:
        return self._value.reveal(), float("inf")


class _File:
    def __init__(self, path: Path) -> None:
        self._path = path

    async def get(self) -> tuple[str, float]:
        try:
            token = self._path.read_text().strip()
        except (OSError, UnicodeDecodeError):
            raise CredentialUnavailable(f"cannot read the token in {self._path}") from None
        if not token:
            raise CredentialUnavailable(f"{self._path} is empty")
        return f"Bearer {token}", time.time() + FILE_GOOD_FOR_S


class _Program:
    """A program that prints an ExecCredential (client-go, plugin/pkg/client/auth/exec)."""

    def __init__(self, spec: Mapping[str, Any], context: Context) -> None:
        self._version = str(spec.get("apiVersion", "client.authentication.k8s.io/v1"))
        command = str(spec.get("command", ""))
        # With a slash in it, it is found from the kubeconfig's folder; else by PATH.
        self._command = str(context.folder / command) if "/" in command else command
        self._arguments = [str(argument) for argument in spec.get("args") or ()]
        self._environment = {str(one["name"]): str(one["value"]) for one in spec.get("env") or ()}
        self._server = context.server if spec.get("provideClusterInfo") else ""

    async def get(self) -> tuple[str, float]:
        info: dict[str, Any] = {"kind": "ExecCredential", "apiVersion": self._version, "spec": {"interactive": False}}
        if self._server:
            info["spec"]["cluster"] = {"server": self._server}
        environment = {**os.environ, **self._environment, "KUBERNETES_EXEC_INFO": json.dumps(info)}
        try:
            process = await asyncio.create_subprocess_exec(
                self._command,
                *self._arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env=environment,
            )
        except OSError as e:
            raise CredentialUnavailable(f"cannot run {self._command}: {e.strerror}") from None
        try:
            printed, _ = await asyncio.wait_for(process.communicate(), PROGRAM_WITHIN_S)
        except TimeoutError:
            process.kill()
            raise CredentialUnavailable(f"{self._command} takes longer than {PROGRAM_WITHIN_S:.0f} s") from None
        if process.returncode != 0 or len(printed) > MAX_ANSWER_BYTES:
            raise CredentialUnavailable(f"{self._command} ends with {process.returncode}")
        return self._read(printed)

    def _read(self, printed: bytes) -> tuple[str, float]:
        try:
            status = json.loads(printed)["status"]
            token, expires = str(status["token"]), status.get("expirationTimestamp")
            until = datetime.fromisoformat(expires).timestamp() - RENEW_BEFORE_S if expires else float("inf")
        except (ValueError, KeyError, TypeError, AttributeError):
            raise CredentialUnavailable(f"{self._command} prints no ExecCredential with a token") from None
        return f"Bearer {token}", until
