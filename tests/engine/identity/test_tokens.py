"""Tokens: what is signed is read back, and nothing else is a token."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import OKPKey

from hoopaddon.errors import ConfigError
from hoopaddon.identity import tokens
from hoopaddon.identity.compact import InvalidToken, looks_like_token
from hoopaddon.identity.tokens import sign, verify
from hoopaddon.store.keys import SigningKey

KEY = SigningKey(Ed25519PrivateKey.from_private_bytes(b"k" * 32))
OTHER_KEY = SigningKey(Ed25519PrivateKey.from_private_bytes(b"o" * 32))
KID = KEY.key_id
HEADER = {"alg": "Ed25519", "typ": "hoopaddon+jwt", "kid": KID}
GOOD = sign(KEY, subject="agent-7", groups=["dev", "ops"], ttl_s=86400)


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unb64(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    good = {
        "iss": "hoopaddon",
        "aud": "hoopaddon",
        "sub": "agent-7",
        "groups": ["dev"],
        "iat": now,
        "nbf": now,
        "exp": now + 60,
        "jti": "1",
    }
    return {name: value for name, value in (good | changes).items() if value is not ...}


def forge(
    payload: dict[str, Any] | str | bytes,
    header: dict[str, Any] | str = HEADER,
    signer: Callable[[bytes], bytes] = KEY.sign,
) -> str:
    """A token as an attacker, or a broken signer, would put it together."""
    head = header if isinstance(header, str) else json.dumps(header)
    body = payload if isinstance(payload, str | bytes) else json.dumps(payload)
    signed = f"{b64(head.encode())}.{b64(body.encode() if isinstance(body, str) else body)}"
    return f"{signed}.{b64(signer(signed.encode()))}"


def hs256(secret: bytes) -> Callable[[bytes], bytes]:
    return lambda data: hmac.new(secret, data, hashlib.sha256).digest()


def rs256(data: bytes) -> bytes:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.sign(data, padding.PKCS1v15(), hashes.SHA256())


def es256(data: bytes) -> bytes:
    return ec.generate_private_key(ec.SECP256R1()).sign(data, ec.ECDSA(hashes.SHA256()))


def test_what_is_signed_is_read_back() -> None:
    user = verify(GOOD, KEY)
    assert user.subject == "agent-7"
    assert user.groups == {"dev", "ops"}
    assert user.claims["exp"] - user.claims["iat"] == 86400


def test_the_forging_helper_makes_good_tokens_from_good_parts() -> None:
    assert verify(forge(claims()), KEY).subject == "agent-7"


def test_bytes_are_read_as_well() -> None:
    assert verify(GOOD.encode(), KEY).subject == "agent-7"


def test_every_token_has_its_own_id() -> None:
    first, second = (verify(sign(KEY, subject="a", ttl_s=1), KEY).claims["jti"] for _ in range(2))
    assert first != second


def test_a_token_for_one_target_is_good_there_alone() -> None:
    token = sign(KEY, subject="agent-7", ttl_s=60, target="orders")
    assert verify(token, KEY, target="orders").claims["target"] == "orders"
    for elsewhere in ("billing", "", None):
        with pytest.raises(InvalidToken, match="another target"):
            verify(token, KEY, target=elsewhere)


def test_a_token_may_be_an_agents_who_acts_for_somebody() -> None:
    user = verify(sign(KEY, subject="ada", ttl_s=60, agent="agent-7"), KEY)
    assert (user.subject, user.acts_for, user.actors) == ("ada", "ada", ("agent-7",))
    assert verify(GOOD, KEY).actors == ()


def test_a_token_for_no_target_is_good_at_every_target() -> None:
    assert verify(GOOD, KEY, target="orders").subject == "agent-7"


def test_a_little_clock_skew_is_forgiven() -> None:
    now = int(time.time())
    assert verify(forge(claims(exp=now - tokens.LEEWAY_S + 3, iat=now - 60)), KEY).subject == "agent-7"
    assert verify(forge(claims(nbf=now + 5, iat=now + 5)), KEY).subject == "agent-7"


NOW = int(time.time())
HEAD, BODY, SIGNATURE = GOOD.split(".")
SPARE_BITS = SIGNATURE[:-1] + chr(ord(SIGNATURE[-1]) + 1)

BAD_TOKENS: dict[str, str | bytes] = {
    "empty": "",
    "a password": "correct horse battery staple",
    "not ascii": "é" * 90,
    "not ascii bytes": "é".encode() * 90,
    "two parts": f"{HEAD}.{BODY}",
    "four parts": f"{GOOD}.x",
    "extra dots": GOOD.replace(".", ".."),
    "leading dot": f".{GOOD}",
    "trailing newline": f"{GOOD}\n",
    "trailing nul": f"{GOOD}\0",
    "padding": f"{GOOD}==",
    "truncated": GOOD[:-1],
    "truncated by half": GOOD[: len(GOOD) // 2],
    "one megabyte": GOOD + "A" * (1 << 20),
    "one megabyte of dots": "." * (1 << 20),
    "other spelling of the signature": f"{HEAD}.{BODY}.{SPARE_BITS}",
    "five parts, as JWE": ".".join([HEAD, "AAAA", "AAAA", BODY, SIGNATURE]),
    "JSON serialisation": json.dumps({"protected": HEAD, "payload": BODY, "signature": SIGNATURE}),
    "alg none, no signature": f"{b64(json.dumps(HEADER | {'alg': 'none'}).encode())}.{BODY}.",
    "alg none, old signature": f"{b64(json.dumps(HEADER | {'alg': 'none'}).encode())}.{BODY}.{SIGNATURE}",
    "alg None": forge(claims(), HEADER | {"alg": "None"}),
    "alg EdDSA": forge(claims(), HEADER | {"alg": "EdDSA"}),
    "alg ed25519": forge(claims(), HEADER | {"alg": "ed25519"}),
    "alg a list": forge(claims(), HEADER | {"alg": ["Ed25519"]}),
    "HS256 with the raw public key": forge(claims(), HEADER | {"alg": "HS256"}, hs256(KEY.public_bytes)),
    "HS256 with the PEM public key": forge(claims(), HEADER | {"alg": "HS256"}, hs256(KEY.public_pem)),
    "HS512, signature of the right size": forge(
        claims(), HEADER | {"alg": "HS512"}, lambda data: hmac.new(KEY.public_bytes, data, hashlib.sha512).digest()
    ),
    "Ed25519 in name, HMAC in fact": forge(claims(), HEADER, hs256(KEY.public_bytes)),
    "RS256": forge(claims(), HEADER | {"alg": "RS256"}, rs256),
    "ES256": forge(claims(), HEADER | {"alg": "ES256"}, es256),
    "Ed448": forge(claims(), HEADER | {"alg": "Ed448"}, Ed448PrivateKey.generate().sign),
    "Ed448 in fact": forge(claims(), HEADER, Ed448PrivateKey.generate().sign),
    "another key": forge(claims(), HEADER, OTHER_KEY.sign),
    "another key and its kid": forge(claims(), HEADER | {"kid": OTHER_KEY.key_id}, OTHER_KEY.sign),
    "its own key in the header": forge(
        claims(), HEADER | {"jwk": OKPKey.import_key(OTHER_KEY.private.public_key()).as_dict()}, OTHER_KEY.sign
    ),
    "a key to fetch": forge(claims(), HEADER | {"jku": "http://127.0.0.1/keys"}, OTHER_KEY.sign),
    "crit": forge(claims(), HEADER | {"crit": ["b64"], "b64": False}),
    "no kid": forge(claims(), {"alg": "Ed25519", "typ": "hoopaddon+jwt"}),
    "kid a path": forge(claims(), HEADER | {"kid": "../../../dev/null"}),
    "kid null": forge(claims(), HEADER | {"kid": None}),
    "no typ": forge(claims(), {"alg": "Ed25519", "kid": KID}),
    "typ of another kind": forge(claims(), HEADER | {"typ": "JWT"}),
    "header not JSON": forge(claims(), "{alg}"),
    "header a list": forge(claims(), "[]"),
    "header nested deeply": forge(claims(), "[" * 300),
    "header with a name twice": forge(
        claims(), f'{{"alg":"none","alg":"Ed25519","typ":"hoopaddon+jwt","kid":"{KID}"}}'
    ),
    "tampered payload": f"{HEAD}.{b64(unb64(BODY).replace(b'agent-7', b'agent-8'))}.{SIGNATURE}",
    "tampered signature": f"{HEAD}.{BODY}.{'A' * 84}BQ",
    "signature of zeros": f"{HEAD}.{BODY}.{'A' * 86}",
    "signature of another token": f"{HEAD}.{BODY}.{sign(KEY, subject='x', ttl_s=5).split('.')[2]}",
    "payload not JSON": forge("{sub}"),
    "payload not UTF-8": forge(b"\xff\xfe\xfd"),
    "payload a list": forge("[1]"),
    "payload a string": forge('"agent-7"'),
    "payload nested deeply": forge("[" * 2500),
    "payload with a name twice": forge(json.dumps(claims())[:-1] + ',"sub":"root"}'),
    "payload with NaN": forge(json.dumps(claims(extra=float("nan")))),
    "expired": forge(claims(exp=NOW - 60, iat=NOW - 120, nbf=NOW - 120)),
    "expires as it is issued": forge(claims(exp=NOW, iat=NOW, nbf=NOW) | {"exp": NOW - 3, "iat": NOW - 3}),
    "not valid yet": forge(claims(nbf=NOW + 7200, exp=NOW + 7500)),
    "issued in the future": forge(claims(iat=NOW + 7200, exp=NOW + 7500)),
    "good for a month": forge(claims(exp=NOW + 30 * 86400)),
    "never expires": forge(claims(exp=...)),
    "exp null": forge(claims(exp=None)),
    "exp a string": forge(claims(exp=str(NOW + 60))),
    "exp a float": forge(claims(exp=NOW + 60.5)),
    "exp true": forge(claims(exp=True)),
    "exp endless": forge(json.dumps(claims(exp=0)).replace('"exp": 0', '"exp": 1e999')),
    "exp of 4,000 digits": forge(json.dumps(claims(exp=0)).replace('"exp": 0', f'"exp": {"9" * 2500}')),
    "no iat": forge(claims(iat=...)),
    "no nbf": forge(claims(nbf=...)),
    "wrong iss": forge(claims(iss="https://idp.example")),
    "no iss": forge(claims(iss=...)),
    "iss a list": forge(claims(iss=["hoopaddon"])),
    "wrong aud": forge(claims(aud="grafana")),
    "aud a list": forge(claims(aud=["hoopaddon", "grafana"])),
    "no aud": forge(claims(aud=...)),
    "no sub": forge(claims(sub=...)),
    "sub empty": forge(claims(sub="")),
    "sub a number": forge(claims(sub=7)),
    "sub with a line break": forge(claims(sub="a\nroot")),
    "sub with a NUL": forge(claims(sub="a\0")),
    "sub endless": forge(claims(sub="a" * 300)),
    "no groups": forge(claims(groups=...)),
    "groups a string": forge(claims(groups="admin")),
    "groups an object": forge(claims(groups={"admin": True})),
    "groups of numbers": forge(claims(groups=[1])),
    "groups nested": forge(claims(groups=[["admin"]])),
    "too many groups": forge(claims(groups=["g"] * 1025)),
    "no jti": forge(claims(jti=...)),
    "jti a number": forge(claims(jti=1)),
    "target null": forge(claims(target=None)),
    "target a list": forge(claims(target=["orders"])),
    "act a string": forge(claims(act="agent-7")),
    "act null": forge(claims(act=None)),
    "act without a name": forge(claims(act={})),
    "act that says more": forge(claims(act={"sub": "agent-7", "act": {"sub": "x"}})),
    "act with a line break": forge(claims(act={"sub": "a\nb"})),
}


@pytest.mark.parametrize("token", BAD_TOKENS.values(), ids=BAD_TOKENS.keys())
def test_a_bad_token_proves_nothing_and_is_not_quoted(token: str | bytes) -> None:
    with pytest.raises(InvalidToken) as caught:
        verify(token, KEY, target="orders")
    assert caught.value.reason
    text = token if isinstance(token, str) else token.decode(errors="replace")
    quoted = [part for part in text.split(".") if len(part) > 8 and part in caught.value.reason]
    assert not quoted
    assert caught.value.__cause__ is None


@given(st.data())
def test_no_changed_character_survives(data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(GOOD) - 1))
    character = data.draw(st.characters(max_codepoint=0x2FF).filter(lambda c: c != GOOD[position]))
    with pytest.raises(InvalidToken):
        verify(GOOD[:position] + character + GOOD[position + 1 :], KEY)


@given(st.one_of(st.text(), st.binary()))
def test_garbage_never_raises_anything_else(garbage: str | bytes) -> None:
    with pytest.raises(InvalidToken):
        verify(garbage, KEY)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"subject": ""}, "user"),
        ({"subject": "a\nb"}, "user"),
        ({"subject": "a" * 257}, "user"),
        ({"groups": ["ok", ""]}, "groups"),
        ({"groups": [f"g{i}" for i in range(1025)]}, "groups"),
        ({"groups": [f"{i:0200}" for i in range(80)]}, "longer"),
        ({"agent": ""}, "agent"),
        ({"agent": "agent-7"}, "not the user"),
        ({"ttl_s": 0}, "24 hours"),
        ({"ttl_s": -1}, "24 hours"),
        ({"ttl_s": 24 * 3600 + 1}, "24 hours"),
    ],
)
def test_what_no_token_can_say_is_not_signed(arguments: dict[str, Any], says: str) -> None:
    changed: dict[str, Any] = {"subject": "agent-7", "ttl_s": 60} | arguments
    with pytest.raises(ConfigError, match=says):
        sign(KEY, **changed)


def test_a_password_does_not_look_like_a_token() -> None:
    assert looks_like_token(GOOD)
    assert not looks_like_token("correct.horse.battery")
    assert not looks_like_token("x" * 5000)
    assert not looks_like_token("eyJ" + "x" * 20_000 + ".x.x")
    assert looks_like_token(GOOD.rpartition(".")[0] + ".")
