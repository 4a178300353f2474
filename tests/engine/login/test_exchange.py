"""Token exchange: what proves somebody becomes a token of the gateway's, and nothing else does."""

import asyncio
import base64
import logging
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from hoopaddon.identity.compact import InvalidToken
from hoopaddon.identity.tokens import sign
from hoopaddon.login.protocol import ACCESS_TOKEN, ID_TOKEN, JWT, TOKEN_EXCHANGE, VERIFIER, nonce_of
from hoopaddon.store.database import StoreUnusable
from hoopaddon.store.keys import SigningKey
from hoopaddon.store.layout import Layout
from hoopaddon.store.tokens import Tokens
from tests.engine.login.running import LOGIN_CLIENT, VERIFIED_BY, Service, service
from tests.servers.issuer import EC, ED, OTHER_RSA, RSA, Issuer, b64, claims, compact

AGENT = "agent-7"


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with Issuer() as running:
        yield running


@pytest.fixture
async def here(tmp_path: Path, issuer: Issuer) -> AsyncIterator[Service]:
    async with service(tmp_path, issuer, login_agents=[AGENT], login_failures=0) as running:
        yield running


def agents(issuer: Issuer, **changes: Any) -> str:
    return issuer.token(**{"sub": AGENT, "groups": ["agents"]} | changes)


# -- who gets in


async def test_the_id_token_of_a_login_becomes_a_token_of_the_gateway(here: Service, issuer: Issuer) -> None:
    answer = await here.log_in(issuer, exp=int(time.time()) + 60)
    user = here.user(answer)
    assert (user.subject, user.groups, user.actors) == ("ada", frozenset({"dev", "ops"}), ())
    said = answer.json()
    assert (said["token_type"], said["issued_token_type"]) == ("Bearer", JWT)
    # The gateway's own time, whatever is left of the ID token's.
    assert 3590 <= said["expires_in"] <= 3600
    assert answer.headers["cache-control"] == "no-store"
    listed = Tokens(Layout(here.gateway.confdir / "store").tokens)
    assert [token.id for token in listed.list()] == [user.claims["jti"]]
    listed.close()


async def test_an_access_token_becomes_one_that_is_good_no_longer(here: Service, issuer: Issuer) -> None:
    answer = await here.exchange(agents(issuer, exp=int(time.time()) + 120))
    assert here.user(answer).subject == AGENT
    assert answer.json()["expires_in"] <= 120
    already = agents(issuer, sub="ada", act={"sub": "planner"})
    assert here.user(await here.exchange(already)).actors == ("planner",)


async def test_an_agent_gets_a_token_to_act_for_a_person(here: Service, issuer: Issuer) -> None:
    person = here.own(groups=["dba"], ttl_s=600)
    answer = await here.act(person, agents(issuer, exp=int(time.time()) + 100))
    user = here.user(answer)
    assert (user.subject, user.groups, user.actors) == ("ada", frozenset({"dba"}), (AGENT,))
    assert answer.json()["expires_in"] <= 100
    assert here.user(await here.act(here.own(ttl_s=50), agents(issuer))).claims["exp"] <= time.time() + 50
    lets = issuer.token(may_act={"sub": AGENT})
    assert here.user(await here.act(lets, agents(issuer))).actors == (AGENT,)


async def test_a_token_for_one_target_stays_so(here: Service, issuer: Issuer) -> None:
    bound = here.own(target="orders")
    assert here.user(await here.act(bound, agents(issuer), audience="orders"), "orders").actors == (AGENT,)
    for elsewhere in ({}, {"audience": "billing"}):
        assert (await here.act(bound, agents(issuer), **elsewhere)).status_code == 400


async def test_what_a_person_takes_back_is_taken_from_the_agent(here: Service, issuer: Issuer) -> None:
    person = here.own()
    acting = (await here.act(person, agents(issuer))).json()["access_token"]
    other = (await here.act(here.own(), agents(issuer))).json()["access_token"]
    assert (await here.post({"token": person}, "/revoke")).status_code == 200
    async with asyncio.timeout(10):
        while await here.takes(acting) or await here.takes(person):
            await asyncio.sleep(0.01)
    assert await here.takes(other)
    assert (await here.act(person, agents(issuer))).status_code == 400


# -- who does not

type Attempt = Callable[[Service, Issuer], Any]
FOREIGN = sign(SigningKey.generate(), subject="ada", ttl_s=900)


def _login(**claims: Any) -> Attempt:
    return lambda here, issuer: here.log_in(issuer, **claims)


def _signed(signer: Any, header: dict[str, Any], kind: str = ID_TOKEN, **changes: Any) -> Attempt:
    def attempt(here: Service, issuer: Issuer) -> Any:
        said = claims(issuer.address, aud=LOGIN_CLIENT, azp=LOGIN_CLIENT, **changes)
        return here.exchange(compact(said, header, signer), kind)

    return attempt


def _acts(subject: dict[str, Any] | None = None, **actor: Any) -> Attempt:
    return lambda here, issuer: here.act(here.own(**subject or {}), agents(issuer, **actor))


BOTH: dict[str, Any] = {"aud": ["hoopaddon", LOGIN_CLIENT], "azp": LOGIN_CLIENT}
"""Of an ID token whose audience is the gateway's as well."""
PAST = {"iat": 1_000_000, "exp": 1_000_300}
LOGINS: dict[str, Attempt] = {
    "expired": _login(**PAST),
    "another audience": _login(aud="another"),
    "issued to another client": _login(azp="another"),
    "another issuer": _login(iss="https://evil.example.com"),
    "not valid yet": _login(nbf=int(time.time()) + 100_000),
    "no issuing": _login(iat=...),
    "another nonce": _login(nonce="of-another-login"),
    "no nonce, and a verifier": _login(nonce=...),
    "no verifier": _login(verifier=""),
    "another verifier": _login(verifier="w" * 43),
    "for another gateway": lambda here, issuer: here.log_in(
        issuer, nonce=nonce_of(VERIFIED_BY, "https://other.example.com")
    ),
    "bound to a key": _login(cnf={"jkt": "x"}),
    "of a logout": _login(events={}),
    "an access token of Keycloak's": _login(typ="Bearer", nonce=..., verifier=""),
    "an access token": _signed(RSA.rs256, {"alg": "RS256", "typ": "at+jwt", "kid": "rsa"}),
    "alg none": _signed(lambda _: b"", {"alg": "none", "typ": "JWT", "kid": "rsa"}),
    "an unknown key": _signed(OTHER_RSA.rs256, {"alg": "RS256", "typ": "JWT", "kid": "rsa"}),
    "another algorithm": _signed(ED.eddsa, {"alg": "RS256", "typ": "JWT", "kid": "ed"}),
    "its ID token as an access token": lambda here, issuer: here.exchange(
        issuer.token(nonce=nonce_of(VERIFIED_BY, here.url), **BOTH), ACCESS_TOKEN
    ),
    "the same, with its verifier": lambda here, issuer: here.exchange(
        issuer.token(nonce=nonce_of(VERIFIED_BY, here.url), **BOTH), ACCESS_TOKEN, **{VERIFIER: VERIFIED_BY}
    ),
    "no token": lambda here, issuer: here.exchange("secret-not-a-token"),
    "a token of the gateway, longer": lambda here, issuer: here.exchange(here.own(), JWT),
    "a token of the gateway, as a login": lambda here, issuer: here.exchange(here.own(), ID_TOKEN),
    "a token of another gateway": lambda here, issuer: here.act(FOREIGN, agents(issuer)),
    "an agent of an agent of an agent": lambda here, issuer: here.exchange(
        agents(issuer, act={"sub": "a", "act": {"sub": "b"}})
    ),
    "an actor without rights": _acts(sub="agent-8"),
    "an actor that is expired": _acts(iat=PAST["iat"], exp=PAST["exp"]),
    "an actor of another issuer": _acts(iss="https://evil.example.com"),
    "an actor for another audience": _acts(aud="another"),
    "an actor that acts for somebody": _acts(act={"sub": "planner"}),
    "an actor that is a login": _acts(nonce="n", **BOTH),
    "an actor that is the person": _acts({"subject": AGENT}),
    "a subject that is an agent's": _acts({"agent": "planner"}),
    "a subject that lets another act": lambda here, issuer: here.act(
        issuer.token(may_act={"sub": "agent-8"}), agents(issuer)
    ),
    "a subject that lets nobody act": lambda here, issuer: here.act(issuer.token(may_act=[]), agents(issuer)),
    "an actor whose token is none": lambda here, issuer: here.act(here.own(), "secret-not-a-token"),
}


@pytest.mark.parametrize("attempt", LOGINS.values(), ids=LOGINS.keys())
async def test_nobody_gets_in_and_all_are_told_the_same(
    here: Service, issuer: Issuer, attempt: Attempt, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    answer = await attempt(here, issuer)
    assert answer.status_code == 400
    assert answer.json() == {
        "error": "invalid_request",
        "error_description": "what was sent proves nothing here; the gateway's log says why",
    }
    (why,) = [record.message for record in caplog.records if "login refused" in record.message]
    assert len(why) > len("127.0.0.1: login refused: ")
    assert "eyJ" not in caplog.text
    assert "secret" not in caplog.text


async def test_the_id_token_of_a_login_opens_no_door_by_itself(tmp_path: Path, issuer: Issuer) -> None:
    """Not even where its audience is the one that the gateway's tokens have: who finds it has nothing."""
    async with service(tmp_path, issuer, oidc_audience=[LOGIN_CLIENT]) as here:
        for said in ({"aud": LOGIN_CLIENT}, {"aud": [LOGIN_CLIENT, "b"], "azp": LOGIN_CLIENT}):
            token = issuer.token(**{"azp": LOGIN_CLIENT, "nonce": nonce_of(VERIFIED_BY, here.url)} | said)
            with pytest.raises(InvalidToken, match="ID token of a login"):
                await here.gateway.identity.user(token)
        assert (await here.gateway.identity.user(issuer.token(aud=LOGIN_CLIENT, azp=LOGIN_CLIENT))).subject == "ada"


async def test_a_person_of_many_groups_can_log_in(here: Service, issuer: Issuer) -> None:
    """Entra's are object ids, up to 200 of them."""
    groups = [f"{number:08x}-1111-2222-3333-444444444444" for number in range(200)]
    assert here.user(await here.log_in(issuer, groups=groups)).groups == frozenset(groups)


async def test_a_login_is_exchanged_once(here: Service, issuer: Issuer) -> None:
    token = issuer.token(aud=LOGIN_CLIENT, azp=LOGIN_CLIENT, nonce=nonce_of(VERIFIED_BY, here.url))
    form = {VERIFIER: VERIFIED_BY}
    assert (await here.exchange(token, ID_TOKEN, **form)).status_code == 200
    assert (await here.exchange(token, ID_TOKEN, **form)).status_code == 400
    # Those of a device code have no nonce, and are used up all the same.
    token = issuer.token(aud=LOGIN_CLIENT, azp=LOGIN_CLIENT)
    assert (await here.exchange(token, ID_TOKEN)).status_code == 200
    assert (await here.exchange(token, ID_TOKEN)).status_code == 400


async def test_another_signature_makes_no_other_login_of_it(here: Service, issuer: Issuer) -> None:
    """Of an ECDSA signature (r, s), (r, n - s) is one as well, and needs no key."""
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    said = claims(issuer.address, aud=LOGIN_CLIENT, azp=LOGIN_CLIENT)
    token = compact(said, {"alg": "ES256", "typ": "JWT", "kid": "ec"}, EC.es256)
    signed, _, signature = token.rpartition(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    other = raw[:32] + (order - int.from_bytes(raw[32:])).to_bytes(32)
    assert (await here.exchange(token, ID_TOKEN)).status_code == 200
    assert (await here.exchange(f"{signed}.{b64(other)}", ID_TOKEN)).status_code == 400


async def test_what_was_issued_before_a_revocation_gives_no_token_after_it(here: Service, issuer: Issuer) -> None:
    person, token = here.own(), agents(issuer, sub="ada")
    listed = Tokens(Layout(here.gateway.confdir / "store").tokens)
    listed.revoke_user("ada")
    assert (await here.exchange(token)).status_code == 400
    assert (await here.log_in(issuer)).status_code == 400
    assert (await here.act(person, agents(issuer))).status_code == 400
    listed.close()


# -- what is no request

GOOD = {"grant_type": TOKEN_EXCHANGE, "subject_token": "eyJ", "subject_token_type": JWT}
BROKEN: dict[str, tuple[dict[str, str] | str, str]] = {
    "nothing": ({}, "unsupported_grant_type"),
    "a password": ({"grant_type": "password", "username": "ada", "password": "x"}, "unsupported_grant_type"),
    "a code, where there is no SAML": ({"grant_type": "authorization_code", "code": "x"}, "unsupported_grant_type"),
    "no subject": ({"grant_type": TOKEN_EXCHANGE}, "invalid_request"),
    "an unknown type": ({**GOOD, "subject_token_type": "urn:x"}, "invalid_request"),
    "a subject that is too long": ({**GOOD, "subject_token": "x" * 20_000}, "invalid_request"),
    "twice the same": ("grant_type=a&grant_type=b", "invalid_request"),
    "no form": ("grant_type", "invalid_request"),
    "many fields": ("&".join(f"f{n}=1" for n in range(100)), "invalid_request"),
    "a resource": ({**GOOD, "resource": "https://x"}, "invalid_request"),
    "a scope": ({**GOOD, "scope": "admin"}, "invalid_request"),
    "a refresh token": (
        {**GOOD, "requested_token_type": "urn:ietf:params:oauth:token-type:refresh_token"},
        "invalid_request",
    ),
    "a target that is no name": ({**GOOD, "audience": "a\nb"}, "invalid_request"),
    "an actor that is a login": ({**GOOD, "actor_token": "eyJ", "actor_token_type": ID_TOKEN}, "invalid_request"),
    "a long form": ({**GOOD, "x": "y" * 70_000}, "invalid_request"),
}


@pytest.mark.parametrize(("form", "error"), BROKEN.values(), ids=BROKEN.keys())
async def test_what_is_no_request_is_said_so(here: Service, form: dict[str, str] | str, error: str) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    answer = await here.post(form, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (400, error)


async def test_only_forms_are_read(here: Service) -> None:
    answer = await here.post('{"grant_type": "x"}', headers={"content-type": "application/json"})
    assert (answer.status_code, "a form is wanted" in answer.text) == (400, True)
    assert (await here.client.get(f"{here.url}/token?grant_type={TOKEN_EXCHANGE}")).status_code == 405
    assert (await here.client.get(f"{here.url}/nothing")).status_code == 404
    assert (await here.client.get(f"{here.url}/authorize")).status_code == 404


async def test_a_body_above_all_limits_is_not_even_read(here: Service) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(here.url).port)
    writer.write(b"POST /token HTTP/1.1\r\nHost: x\r\nContent-Length: 600000\r\n\r\n")
    assert (await reader.readline()).startswith(b"HTTP/1.1 400")
    writer.close()


# -- what goes wrong on our side


async def test_what_cannot_be_listed_is_not_handed_out(
    here: Service, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_what: Any, **_how: Any) -> None:
        raise StoreUnusable("the disk is full")

    monkeypatch.setattr("hoopaddon.login.service.note", full)
    answer = await here.log_in(issuer)
    assert (answer.status_code, answer.json()["error"]) == (500, "server_error")
    assert "disk" not in answer.text


async def test_a_mistake_of_ours_lets_nobody_in_and_quotes_nothing(
    here: Service, issuer: Issuer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(token: str, **_how: Any) -> None:
        raise RuntimeError(token)

    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(here.gateway.identity, "user", broken)
    answer = await here.exchange(issuer.token())
    assert (answer.status_code, answer.json()) == (500, {"error": "server_error"})
    assert "A login ended with RuntimeError at" in caplog.text
    assert "eyJ" not in caplog.text


# -- how often


async def test_who_fails_too_often_has_to_wait(tmp_path: Path, issuer: Issuer) -> None:
    async with service(tmp_path, issuer, login_failures=3) as here:
        assert (await here.exchange(agents(issuer))).status_code == 200
        for _ in range(3):
            assert (await here.exchange(issuer.token(sub="eve", aud="another"))).status_code == 400
        waits = await here.exchange(issuer.token(sub="eve"))
        assert (waits.status_code, "too many failed logins" in waits.text) == (429, True)
        # Who has lately been in from there is held to their own failures, and a target's logins to theirs.
        assert (await here.exchange(agents(issuer))).status_code == 200
        here.gateway.throttle.attempt("10.0.0.1", "eve")
