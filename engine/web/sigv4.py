"""AWS Signature Version 4, by AWS's own library: the request is signed as it is sent."""

import io

from mitmproxy import http

from hoopaddon.credential import CredentialUnavailable, Secret
from hoopaddon.credentials.aws_signing import library
from hoopaddon.credentials.resolving import Credentials

_SIGNED = frozenset({"host", "content-type", "content-md5", "range"})
_REPLACED = ("authorization", "x-amz-date", "x-amz-content-sha256", "x-amz-security-token")
_WITHIN_S = 5.0


class AwsCredential:
    """Signs for one `REGION/SERVICE`; `secret` and `token` are references."""

    def __init__(self, scope: str, key_id: str, secret: str, token: str = "") -> None:
        region, slash, service = scope.partition("/")
        if not (region and slash and service):
            raise ValueError("aws is REGION/SERVICE, as in aws=eu-central-1/s3")
        self._region, self._service = region, service
        self._key_id, self._references = key_id, (secret, token)
        self._auth, self._messages = library()
        self._secret: Secret | None = None
        self._token: Secret | None = None

    @property
    def signs_bodies(self) -> bool:
        """S3 takes bodies that are not signed; all other services want them to be."""
        return self._service != "s3"

    @property
    def references(self) -> tuple[tuple[str, str], ...]:
        """See `Credential`."""
        named = zip(("aws_secret", "aws_token"), self._references, strict=True)
        return tuple((key, reference) for key, reference in named if reference)

    async def ready(self, credentials: Credentials) -> None:
        """See `Credential`."""
        found = {key: (await credentials.get(reference, key=key)).secret for key, reference in self.references}
        self._secret, self._token = found["aws_secret"], found.get("aws_token")

    def put_on(self, request: http.Request, body: bytes | None) -> None:
        """See `Credential`."""
        if self._secret is None:
            raise CredentialUnavailable("the credential is not ready")
        for name in _REPLACED:
            request.headers.pop(name, None)
        if "host" not in request.headers:
            request.headers["host"] = request.authority
        kept = [(name, value) for name, value in request.headers.items() if _is_signed(name)]
        headers = self._messages.HttpHeaders(kept)
        stream = io.BytesIO(body) if body else None
        message = self._messages.HttpRequest(request.method, request.path, headers, stream)
        signed = self._auth.aws_sign_request(message, self._how(body)).result(_WITHIN_S)
        for name, value in signed.headers:
            request.headers[name] = value

    def _how(self, body: bytes | None) -> object:
        auth, for_s3 = self._auth, self._service == "s3"
        token = self._token.reveal() if self._token is not None else None
        secret = self._secret.reveal() if self._secret is not None else ""
        keys = auth.AwsCredentialsProvider.new_static(self._key_id, secret, token)
        with_hash = auth.AwsSignedBodyHeaderType.X_AMZ_CONTENT_SHA_256
        return auth.AwsSigningConfig(
            algorithm=auth.AwsSigningAlgorithm.V4,
            signature_type=auth.AwsSignatureType.HTTP_REQUEST_HEADERS,
            credentials_provider=keys,
            region=self._region,
            service=self._service,
            # S3 alone takes paths as they are (its API reference, "Authenticating Requests").
            use_double_uri_encode=not for_s3,
            should_normalize_uri_path=not for_s3,
            signed_body_value=auth.AwsSignedBodyValue.UNSIGNED_PAYLOAD if body is None else None,
            signed_body_header_type=with_hash if for_s3 else auth.AwsSignedBodyHeaderType.NONE,
        )

    @property
    def secrets(self) -> tuple[str, ...]:
        """See `Credential`."""
        return tuple(secret.reveal() for secret in (self._secret, self._token) if secret is not None)

    def was_refused(self, credentials: Credentials) -> None:
        """See `Credential`."""
        for _, reference in self.references:
            credentials.was_refused(reference)


def _is_signed(name: str) -> bool:
    return name.lower() in _SIGNED or name.lower().startswith("x-amz-")
