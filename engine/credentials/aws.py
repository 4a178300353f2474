"""`aws-secret:NAME#FIELD` and `aws-rds:HOST:PORT/USER`: AWS Secrets Manager, and logins of RDS by IAM."""

import json
import os
import re
from importlib.util import find_spec
from typing import Any
from urllib.parse import quote, urlsplit

import httpx2

from hoopaddon.credential import MAX_SECRET_BYTES, Credential, CredentialRefused, CredentialUnavailable, Secret
from hoopaddon.credentials.aws_signing import NEEDS, signed
from hoopaddon.errors import ConfigError

RDS_TOKEN_S = 900
"""How long RDS takes a token of IAM."""
MAX_ANSWER_BYTES = 2 * MAX_SECRET_BYTES
_SECRET_ID = re.compile(r"[A-Za-z0-9/_+=.@:!-]{1,2048}")
_RDS_PLACE = re.compile(r"(?P<host>[A-Za-z0-9.-]+):(?P<port>[0-9]{1,5})/(?P<user>[^/\s]{1,128})")
_RDS_HOST = re.compile(r".+\.([a-z]{2}(?:-[a-z]+)+-[0-9])\.rds\.amazonaws\.com(?:\.cn)?")
_REFUSED = ("ResourceNotFoundException", "AccessDeniedException", "InvalidRequestException", "DecryptionFailure")


class SecretsManagerProvider:
    """A secret by name or ARN: one field of its JSON, or all its text.

    Where the text is JSON with a `username` and a `password`, as RDS writes it, both are used.
    """

    def check(self, place: str) -> None:
        """See `Provider`."""
        name, hash_sign, field = place.partition("#")
        if not _SECRET_ID.fullmatch(name) or (hash_sign and not field):
            hint = "write aws-secret:NAME#FIELD or aws-secret:ARN, as in aws-secret:prod/orders#password"
            raise ConfigError("names no secret of AWS", hint=hint)
        _needs_the_library()

    async def fetch(self, place: str) -> Credential:
        """See `Provider`."""
        name, _, field = place.partition("#")
        text = await _secret_value(name)
        if field:
            found = _json(text).get(field)
            if not isinstance(found, str):
                raise CredentialRefused(f"the secret has no text {field}")
            return Credential(Secret(found))
        document = _json(text)
        user, password = document.get("username"), document.get("password")
        if isinstance(user, str) and isinstance(password, str):
            return Credential(Secret(password), user)
        return Credential(Secret(text))


class RdsProvider:
    """A token that RDS takes for a password of this user; it brings the user's name."""

    def check(self, place: str) -> None:
        """See `Provider`."""
        if not _RDS_PLACE.fullmatch(place):
            hint = "write aws-rds:HOST:PORT/USER, as in aws-rds:orders.abc.eu-central-1.rds.amazonaws.com:5432/app"
            raise ConfigError("names no login of RDS", hint=hint)
        _needs_the_library()

    async def fetch(self, place: str) -> Credential:
        """See `Provider`."""
        found = _RDS_PLACE.fullmatch(place)
        if found is None:
            raise CredentialUnavailable("names no login of RDS")
        region = found[1] if (found := _RDS_HOST.fullmatch(place.partition(":")[0])) else _region()
        address, _, user = place.partition("/")
        path = f"/?Action=connect&DBUser={quote(user, safe='')}"
        request = await signed(
            "GET", path, {"host": address}, b"", region=region, service="rds-db", expires_s=RDS_TOKEN_S
        )
        return Credential(Secret(f"{address}{request.path}"), user, valid_s=RDS_TOKEN_S)


def _needs_the_library() -> None:
    if find_spec("awscrt") is None:
        raise ConfigError(NEEDS.partition(":")[0], hint="pip install 'hoopaddon[aws]'")


def _region(arn: str = "") -> str:
    parts = arn.split(":")
    named = parts[3] if len(parts) > 6 and parts[0] == "arn" else ""
    region = named or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or ""
    if not re.fullmatch(r"[a-z0-9-]+", region):
        raise CredentialUnavailable("no region is named: set AWS_REGION, or write the secret's ARN")
    return region


def _endpoint(region: str) -> str:
    """As AWS's own tools look it up."""
    named = os.environ.get("AWS_ENDPOINT_URL_SECRETS_MANAGER") or os.environ.get("AWS_ENDPOINT_URL")
    domain = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return (named or f"https://secretsmanager.{region}.{domain}").rstrip("/")


async def _secret_value(name: str) -> str:
    region = _region(name)
    endpoint = _endpoint(region)
    body = json.dumps({"SecretId": name}).encode()
    headers = {
        "host": urlsplit(endpoint).netloc,
        "content-type": "application/x-amz-json-1.1",
        "x-amz-target": "secretsmanager.GetSecretValue",
    }
    request = await signed("POST", "/", headers, body, region=region, service="secretsmanager")
    try:
        async with httpx2.AsyncClient(timeout=None, follow_redirects=False, trust_env=False) as client:
            answer = await client.post(f"{endpoint}/", content=body, headers=dict(request.headers))
    except httpx2.HTTPError as e:
        raise CredentialUnavailable(f"Secrets Manager cannot be asked: {type(e).__name__}") from None
    if len(answer.content) > MAX_ANSWER_BYTES:
        raise CredentialUnavailable("Secrets Manager answers with more than any secret")
    document = _json(answer.text)
    if answer.status_code != 200:
        kind = str(document.get("__type", "")).rpartition("#")[2]
        if kind in _REFUSED:
            raise CredentialRefused(f"Secrets Manager answers {kind}")
        raise CredentialUnavailable(f"Secrets Manager answers {answer.status_code}")
    text = document.get("SecretString")
    if not isinstance(text, str):
        raise CredentialRefused("the secret is binary, and no text")
    return text


def _json(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
