"""The settings of a mode that say which credential its target wants."""

from collections.abc import Mapping

from hoopaddon.credential import check_reference
from hoopaddon.errors import ConfigError
from hoopaddon.target import Setting
from hoopaddon.web.credentials import Credential, HeaderCredential, QueryCredential
from hoopaddon.web.oauth import OAuthCredential
from hoopaddon.web.sigv4 import AwsCredential

BEARER = Setting("The token that the target gets as `Authorization: Bearer`.", "reference")
PASSWORD = Setting("The gateway's password at the target.", "reference")
USER = Setting("Whom the gateway logs in as at the target, by `password`.")
SETTINGS = {
    "bearer": BEARER,
    "user": USER,
    "password": PASSWORD,
    "header": Setting("A header of any name that holds the credential: NAME:REFERENCE.", "named reference"),
    "query": Setting("A parameter of the query that holds the credential: NAME:REFERENCE.", "named reference"),
    "oauth": Setting("Where the gateway gets its tokens by client credentials (RFC 6749): a URL."),
    "client_id": Setting("Who the gateway is at the token endpoint `oauth`."),
    "client_secret": Setting("The gateway's secret at the token endpoint.", "reference"),
    "scope": Setting("The scope that is asked for at the token endpoint."),
    "audience": Setting("The audience that is asked for at the token endpoint."),
    "aws": Setting("Sign for AWS (SigV4): REGION/SERVICE."),
    "aws_key": Setting("The id of the AWS access key."),
    "aws_secret": Setting("The secret of the AWS access key.", "reference"),
    "aws_token": Setting("The session token of a temporary AWS access key.", "reference"),
}
"""By key; what names a secret is a reference to it."""

_KINDS = ("bearer", "password", "header", "query", "oauth", "aws")
_TOGETHER = {
    "user": ("password",),
    "password": ("user",),
    "oauth": ("client_id", "client_secret"),
    "client_id": ("oauth",),
    "client_secret": ("oauth",),
    "scope": ("oauth",),
    "audience": ("oauth",),
    "aws": ("aws_key", "aws_secret"),
    "aws_key": ("aws",),
    "aws_secret": ("aws",),
    "aws_token": ("aws",),
}


def credential_of(settings: Mapping[str, str]) -> Credential | None:
    """The credential that a target's settings name; None without one. Raises `ValueError`, with what to write."""
    kinds = [key for key in _KINDS if key in settings]
    if len(kinds) > 1:
        raise ValueError(f"{kinds[0]} and {kinds[1]}: a target has one credential")
    for key, others in _TOGETHER.items():
        if key in settings and (missing := [other for other in others if other not in settings]):
            raise ValueError(f"{key} needs {' and '.join(missing)} too")
    return _made(kinds[0], settings) if kinds else None


def _made(kind: str, settings: Mapping[str, str]) -> Credential:
    match kind:
        case "bearer":
            return HeaderCredential("authorization", settings["bearer"], before="Bearer ", key="bearer")
        case "password":
            reference, user = settings["password"], settings["user"]
            return HeaderCredential("authorization", reference, before="Basic ", basic_user=user, key="password")
        case "oauth":
            more = {key: settings.get(key, "") for key in ("scope", "audience")}
            return OAuthCredential(settings["oauth"], settings["client_id"], settings["client_secret"], **more)
        case "aws":
            token = settings.get("aws_token", "")
            return AwsCredential(settings["aws"], settings["aws_key"], settings["aws_secret"], token)
    name, colon, reference = settings[kind].partition(":")
    if not name or not colon:
        raise ValueError(f"{kind} is NAME:REFERENCE, as in {kind}=x-api-key:env:API_KEY")
    try:
        check_reference(reference, key=kind)
    except ConfigError as e:
        raise ValueError(f"{e.key} {e.message}: {e.hint}") from None
    return HeaderCredential(name, reference, key=kind) if kind == "header" else QueryCredential(name, reference)
