"""SAML at the login service: an answer ends the login that it is of, where that began, once, and no other."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
import pytest

from hoopaddon.errors import ConfigError
from hoopaddon.identity.saml.metadata import IdentityProvider
from hoopaddon.login import saml
from hoopaddon.login.once import MOST_OF_ONE
from hoopaddon.login.protocol import s256
from tests.engine.login.running import Service, service
from tests.servers.saml import GROUPS, SERVICE, SamlIdpServer

VERIFIER, STATE = "v" * 43, "s" * 43
BACK = "http://127.0.0.1:5000/callback"
GOOD = {
    "response_type": "code",
    "client_id": "hoopaddon",
    "redirect_uri": BACK,
    "state": STATE,
    "code_challenge": s256(VERIFIER),
    "code_challenge_method": "S256",
}


@pytest.fixture
async def here(tmp_path: Path, idp: SamlIdpServer) -> AsyncIterator[Service]:
    metadata = tmp_path / "idp.xml"
    metadata.write_text(idp.metadata())
    options: dict[str, Any] = {"saml_metadata": str(metadata), "saml_groups_attribute": GROUPS, "login_failures": 0}
    async with service(tmp_path / "conf", **options) as running:
        idp.service = (await running.client.get(f"{running.url}/saml/metadata")).text
        yield running


async def begin(here: Service, **changes: str) -> httpx2.Response:
    query = {name: value for name, value in (GOOD | changes).items() if value}
    return await here.client.get(f"{here.url}/authorize?{urlencode(query)}")


async def answered(here: Service, idp: SamlIdpServer, user: str = "ada", **changes: str) -> dict[str, str]:
    """What the provider has the browser post, for a login that was just begun."""
    sent = parse_qs(urlsplit((await begin(here, **changes)).headers["location"]).query)
    form = {name: values[0] for name, values in sent.items()} | {"login": user}
    await asyncio.to_thread(idp.posts, form)
    return idp.answers[-1]


async def code_of(here: Service, answer: dict[str, str]) -> str:
    back = await here.post(answer, "/saml/acs")
    assert back.status_code == 303, back.text
    return parse_qs(urlsplit(back.headers["location"]).query)["code"][0]


def redeemed(code: str, **changes: str) -> dict[str, str]:
    return {
        "grant_type": "authorization_code",
        "client_id": "hoopaddon",
        "code": code,
        "code_verifier": VERIFIER,
        "redirect_uri": BACK,
    } | changes


async def test_a_login_goes_where_it_began_and_its_code_is_a_token(here: Service, idp: SamlIdpServer) -> None:
    answer = await answered(here, idp)
    back = await here.post(answer, "/saml/acs")
    where = urlsplit(back.headers["location"])
    said = parse_qs(where.query)
    assert f"{where.scheme}://{where.netloc}{where.path}" == BACK
    assert (said["state"], said["iss"]) == ([STATE], [here.url])
    assert (back.headers["cache-control"], back.headers["referrer-policy"]) == ("no-store", "no-referrer")
    user = here.user(await here.post(redeemed(said["code"][0])))
    assert (user.subject, user.groups) == ("ada", frozenset({"dev", "dba"}))


@pytest.mark.parametrize(
    "changes",
    [
        {"redirect_uri": "https://evil.example.com/callback"},
        {"redirect_uri": "http://evil.example.com:5000/callback"},
        {"redirect_uri": "http://127.0.0.1.evil.example.com:5000/callback"},
        {"redirect_uri": "http://127.0.0.1:5000@evil.example.com/callback"},
        {"redirect_uri": "http://evil.example.com#@127.0.0.1:5000/callback"},
        {"redirect_uri": "http://evil.example.com\\@127.0.0.1:5000/callback"},
        {"redirect_uri": "http://localhost:5000/callback"},
        {"redirect_uri": "http://127.0.0.1:5000/callback?next=https://evil.example.com"},
        {"redirect_uri": "http://127.0.0.1:5000/callback\r\nSet-Cookie: a=b"},
        {"redirect_uri": "http://127.0.0.1:5000/elsewhere"},
        {"redirect_uri": "http://127.0.0.1/callback"},
        {"redirect_uri": "javascript:alert(1)//127.0.0.1:5000/callback"},
        {"redirect_uri": ""},
        {"state": ""},
        {"state": "short"},
        {"state": "s" * 20 + "\n"},
        {"state": "s" * 300},
        {"code_challenge": ""},
        {"code_challenge": "x"},
        {"code_challenge_method": "plain"},
        {"code_challenge_method": ""},
        {"response_type": "token"},
        {"client_id": "another"},
        {"audience": "a\nb"},
    ],
)
async def test_what_begins_no_login_is_led_nowhere(here: Service, changes: dict[str, str]) -> None:
    answer = await begin(here, **changes)
    assert (answer.status_code, "location" in answer.headers) == (400, False)


async def test_an_answer_is_taken_once_and_for_its_own_login_alone(
    here: Service, idp: SamlIdpServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    ours, evil = await answered(here, idp), await answered(here, idp, "eve")
    another = await answered(here, idp)
    attempts = [
        # Somebody else's answer put into this login, and a RelayState that leads away.
        {"SAMLResponse": evil["SAMLResponse"], "RelayState": another["RelayState"]},
        {"SAMLResponse": ours["SAMLResponse"], "RelayState": "https://evil.example.com/"},
        {"SAMLResponse": ours["SAMLResponse"]},
        {"SAMLResponse": "not base64!", "RelayState": evil["RelayState"]},
    ]
    for form in attempts:
        answer = await here.post(form, "/saml/acs")
        assert (answer.status_code, "location" in answer.headers) == (400, False)
    await code_of(here, ours)
    fresh = await answered(here, idp)
    for replayed in (ours, {**ours, "RelayState": fresh["RelayState"]}, another):
        assert (await here.post(replayed, "/saml/acs")).status_code == 400
    assert (await here.post({"RelayState": fresh["RelayState"]}, "/saml/acs")).status_code == 400
    assert ours["SAMLResponse"] not in caplog.text


async def test_a_strangers_signature_logs_nobody_in(here: Service, idp: SamlIdpServer, tmp_path: Path) -> None:
    with SamlIdpServer(tmp_path / "stranger") as stranger:
        stranger.service, stranger.sign_on = idp.service, idp.sign_on
        answer = await answered(here, stranger)
    assert (await here.post(answer, "/saml/acs")).status_code == 400


async def test_a_code_is_for_the_program_that_began_and_for_once(here: Service, idp: SamlIdpServer) -> None:
    code = await code_of(here, await answered(here, idp))
    assert (await here.post(redeemed(code))).status_code == 200
    assert (await here.post(redeemed(code))).status_code == 400
    for wrong in (
        {"code_verifier": "w" * 43},
        {"code_verifier": ""},
        {"code_verifier": s256(VERIFIER)},
        {"redirect_uri": "http://127.0.0.1:5001/callback"},
        {"client_id": "another"},
    ):
        code = await code_of(here, await answered(here, idp))
        assert (await here.post(redeemed(code, **wrong))).status_code == 400
        # Who has tried it with something wrong has used it up.
        assert (await here.post(redeemed(code))).status_code == 400


async def test_a_code_is_over_after_a_minute(
    here: Service, idp: SamlIdpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = await code_of(here, await answered(here, idp))
    now = time.monotonic()
    service = here.gateway.logins._service
    assert service is not None
    assert service.saml is not None
    monkeypatch.setattr(service.saml._ended, "_clock", lambda: now + saml.CODE_WITHIN_S + 1)
    assert (await here.post(redeemed(code))).status_code == 400


async def test_who_begins_too_much_is_stopped_and_others_are_not(here: Service) -> None:
    for _ in range(MOST_OF_ONE):
        assert (await begin(here)).status_code == 303
    assert (await begin(here)).status_code == 429


# -- the provider's metadata


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "no XML"),
        ("<x/>", "no identity provider"),
        (SERVICE, "no identity provider"),
        ('<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]><x>&e;</x>', "document type"),
        ("«good»,HTTP-Redirect,HTTP-POST", "HTTP-Redirect"),
        ('«good»,use="signing",use="encryption"', "certificate"),
        ("«good»,X509Certificate>M,X509Certificate>N", "certificate that is none"),
        ("«good»,http://127.0.0.1,http://idp.example.com", "https"),
    ],
)
def test_metadata_that_is_none_is_one_clear_error(
    idp: SamlIdpServer, tmp_path: Path, content: str, says: str
) -> None:
    file = tmp_path / "idp.xml"
    good, _, change = content.partition(",")
    if good == "«good»":
        old, new = change.split(",")
        assert old in idp.metadata()
        content = idp.metadata().replace(old, new)
    file.write_text(content)
    with pytest.raises(ConfigError, match=says):
        IdentityProvider.load(str(file))


def test_metadata_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        IdentityProvider.load(str(tmp_path / "none.xml"))


def test_the_address_of_a_provider_keeps_what_it_has(idp: SamlIdpServer, tmp_path: Path) -> None:
    provider = IdentityProvider("x", "https://idp.example.com/sso?tenant=1", ())
    assert provider.address("<x/>", "r").startswith("https://idp.example.com/sso?tenant=1&SAMLRequest=")
