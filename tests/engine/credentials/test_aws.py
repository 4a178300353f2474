"""`aws-secret:` against Moto's Secrets Manager; `aws-rds:` tokens, signed again by botocore."""

import json
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest

from hoopaddon.credential import CredentialRefused, CredentialUnavailable, check_reference
from hoopaddon.credentials import aws_signing
from hoopaddon.credentials.aws import RdsProvider, SecretsManagerProvider
from hoopaddon.errors import ConfigError
from tests.servers.moto import Moto, run_with_boto3

RDS = "orders.abc123.eu-west-1.rds.amazonaws.com:5432"
KEYS = {
    "AWS_ACCESS_KEY_ID": "AKIATESTTESTTESTTEST",
    "AWS_SECRET_ACCESS_KEY": "s3cret-key-of-aws",
    "AWS_SESSION_TOKEN": "s3ssion/token+==",
    "AWS_EC2_METADATA_DISABLED": "true",
}
SIGNED_BY_BOTOCORE = """
import datetime, json, sys
import botocore.auth, botocore.awsrequest, botocore.credentials
host, date, environment = json.loads(sys.argv[1])
class At(datetime.datetime):
    @classmethod
    def now(cls, tz=None): return cls.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=tz)
    @classmethod
    def utcnow(cls): return cls.strptime(date, "%Y%m%dT%H%M%SZ")
for name in ("get_current_datetime",):
    if hasattr(botocore.auth, name): setattr(botocore.auth, name, lambda *a, **k: At.utcnow())
datetime.datetime = At
keys = botocore.credentials.Credentials(*(environment.get(n) for n in
    ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")))
request = botocore.awsrequest.AWSRequest("GET", f"https://{host}/?Action=connect&DBUser=app%2Buser")
botocore.auth.SigV4QueryAuth(keys, "rds-db", "eu-west-1", expires=900).add_auth(request)
print(request.url)
"""


@pytest.fixture(scope="module")
def moto() -> Iterator[Moto]:
    with Moto() as server:
        fields = {"username": "app", "password": "pw-of-aws", "port": 5432}
        server.call("secretsmanager", "create_secret", Name="prod/orders", SecretString=json.dumps(fields))
        server.call("secretsmanager", "create_secret", Name="plain", SecretString="just-text")
        yield server


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_PROFILE", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_ENDPOINT_URL_SECRETS_MANAGER"):
        monkeypatch.delenv(name, raising=False)
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    aws_signing._who.cache_clear()


@pytest.fixture
def asked(moto: Moto, monkeypatch: pytest.MonkeyPatch) -> None:
    """The gateway is who Moto knows, and asks there."""
    monkeypatch.delenv("AWS_SESSION_TOKEN")
    for name, value in moto.environment.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("asked")
async def test_secrets() -> None:
    provider = SecretsManagerProvider()
    assert (await provider.fetch("prod/orders#password")).secret.reveal() == "pw-of-aws"
    whole = await provider.fetch("prod/orders")
    assert (whole.user, whole.secret.reveal()) == ("app", "pw-of-aws")
    assert (await provider.fetch("plain")).secret.reveal() == "just-text"


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("none", "ResourceNotFoundException"),
        ("plain#password", "no text password"),
        ("prod/orders#port", "no text port"),
    ],
)
async def test_what_is_not_there(place: str, said: str) -> None:
    with pytest.raises(CredentialRefused, match=said):
        await SecretsManagerProvider().fetch(place)


async def test_what_keeps_it_from_being_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    provider = SecretsManagerProvider()
    with pytest.raises(CredentialUnavailable, match="no region is named"):
        await provider.fetch("prod/orders")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(CredentialUnavailable, match="cannot be asked: ConnectError"):
        await provider.fetch("prod/orders")


@pytest.mark.parametrize("reference", ["aws-secret:a b", "aws-secret:a#", "aws-rds:host/user", "aws-rds:host:1/"])
def test_what_names_nothing(reference: str) -> None:
    with pytest.raises(ConfigError) as raised:
        check_reference(reference)
    assert f"write {reference.partition(':')[0]}:" in raised.value.hint


async def test_a_token_for_rds_is_signed_as_botocore_signs_it() -> None:
    made = await RdsProvider().fetch(f"{RDS}/app+user")
    assert (made.user, made.valid_s) == ("app+user", 900)
    token = made.secret.reveal()
    assert token.startswith(f"{RDS}/?")
    found = parse_qs(urlsplit(f"https://{token}").query)
    url = run_with_boto3(SIGNED_BY_BOTOCORE, [RDS, found["X-Amz-Date"][0], KEYS], {})
    assert found == parse_qs(urlsplit(url.strip()).query)
