"""Where the login service listens: on this machine, beyond it with TLS, and nowhere by mistake."""

import asyncio
import logging
import ssl
import time
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mitmproxy import exceptions

from demo.server import free_port
from hoopaddon.config.check import check_file
from hoopaddon.config.sections import read_file
from hoopaddon.errors import ConfigError
from hoopaddon.gateway import serving
from hoopaddon.login import server
from hoopaddon.login.once import Once
from hoopaddon.login.settings import service_address, settings_of
from hoopaddon.options import Options
from hoopaddon.relay.certificates import STORE_NAME
from tests.engine.login.running import Service, service
from tests.servers.person import Person

ISSUER: dict[str, Any] = {"oidc_issuer": "http://127.0.0.1:1", "oidc_login_client": "hoopaddon"}


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"login_listen": "8443x"}, "no place to listen"),
        ({"login_listen": "0"}, "no place to listen"),
        ({"login_listen": "127.0.0.1:99999"}, "no place to listen"),
        ({"login_listen": "0.0.0.0:8443"}, "needs login_url"),
        ({"login_listen": "*:8443"}, "needs login_url"),
        ({"login_listen": "[::]:8443"}, "needs login_url"),
        ({"login_listen": "0.0.0.0:8443", "login_url": "http://gateway.example.com:8443"}, "https"),
        ({"login_listen": "10.0.0.1:8443", "login_url": "http://127.0.0.1:8443"}, "has to be https"),
        ({"login_listen": "8443", "login_url": "https://gateway.example.com/login"}, "a host and a port alone"),
        ({"login_listen": "8443", "login_url": "https://a:b@gateway.example.com"}, "https address"),
        ({"login_listen": "8443", "login_ttl": 0}, "login_ttl"),
        ({"login_listen": "8443", "login_ttl": 86401}, "login_ttl"),
        ({"login_listen": "8443", "oidc_issuer": "", "oidc_login_client": ""}, "nobody could log in"),
        ({"login_url": "https://gateway.example.com"}, "without login_listen"),
        ({"saml_metadata": "idp.xml"}, "without login_listen"),
        ({"login_listen": "8443", "saml_metadata": "none.xml"}, "No such file"),
        ({"login_listen": "8443", "oidc_login_scopes": ["profile"]}, "openid"),
        ({"login_listen": "8443", "oidc_login_redirect": "https://evil.example.com"}, "own machine"),
    ],
)
async def test_what_cannot_be_is_one_clear_error(tmp_path: Path, options: dict[str, Any], says: str) -> None:
    with pytest.raises((ConfigError, exceptions.OptionsError), match=says):
        async with serving(confdir=str(tmp_path), **ISSUER | options):
            pass


@pytest.mark.parametrize(
    ("listen", "url", "expected"),
    [
        ("8443", "", "http://127.0.0.1:8443"),
        ("[::1]:8443", "", "http://[::1]:8443"),
        ("gateway.example.com:8443", "", "https://gateway.example.com:8443"),
        ("0.0.0.0:8443", "https://Gateway.example.com/", "https://gateway.example.com"),
        ("127.0.0.1:8443", "https://gateway.example.com", "https://gateway.example.com"),
    ],
)
def test_the_address_has_one_spelling(listen: str, url: str, expected: str) -> None:
    settings = settings_of(Options(**ISSUER, login_listen=listen, login_url=url))
    assert settings is not None
    assert settings.url == expected
    assert service_address(f"{settings.url}/", key="URL") == settings.url


async def test_beyond_this_machine_it_speaks_tls_alone(tmp_path: Path) -> None:
    port = free_port()
    options = {"login_listen": f"0.0.0.0:{port}", "login_url": f"https://localhost:{port}"}
    async with serving(confdir=str(tmp_path), **ISSUER, **options):
        tls = ssl.create_default_context(cafile=tmp_path / f"{STORE_NAME}-ca-cert.pem")
        async with httpx2.AsyncClient(trust_env=False, verify=tls) as client:
            said = await client.get(f"https://localhost:{port}/.well-known/oauth-authorization-server")
            assert said.json()["issuer"] == f"https://localhost:{port}"
            with pytest.raises(httpx2.HTTPError):
                await client.get(f"http://localhost:{port}/.well-known/oauth-authorization-server")


def test_a_person_trusts_the_gateways_own_authority_once(tmp_path: Path, ada: Person) -> None:
    """And only where it is named: an unknown certificate is one clear error."""
    port = free_port()
    url = f"https://localhost:{port}"

    async def attempts() -> None:
        options = {"login_listen": f"0.0.0.0:{port}", "login_url": url}
        async with serving(confdir=str(tmp_path / "conf"), **ISSUER, **options):
            unknown = await asyncio.to_thread(ada.run, "login", url)
            assert (unknown.returncode, "certificate is not trusted" in unknown.stderr) == (1, True)
            authority = str(tmp_path / "conf" / f"{STORE_NAME}-ca-cert.pem")
            known = await asyncio.to_thread(ada.run, "login", "--ca", authority, url)
            # On to the provider, which is not there.
            assert (known.returncode, "127.0.0.1:1/.well-known/openid-configuration" in known.stderr) == (1, True)

    asyncio.run(attempts())


async def test_a_port_that_is_taken_is_said(tmp_path: Path) -> None:
    async with service(tmp_path / "one", **ISSUER) as here:
        port = here.url.rpartition(":")[2]
        with pytest.raises(ConfigError, match="cannot listen at 127"):
            async with serving(confdir=str(tmp_path / "two"), **ISSUER, login_listen=port):
                pass


async def test_what_may_change_does_and_its_place_does_not(tmp_path: Path) -> None:
    async with service(tmp_path, **ISSUER) as here:
        here.gateway.options.update(login_ttl=60, login_agents=["agent-7"])
        running = here.gateway.logins._service
        assert running is not None
        assert (running.settings.ttl_s, running.settings.agents) == (60, frozenset({"agent-7"}))
        for change in ({"login_listen": "1234"}, {"login_url": "https://x.example.com"}, {"login_listen": ""}):
            with pytest.raises(exceptions.OptionsError):
                here.gateway.options.update(**change)
        with pytest.raises(exceptions.OptionsError, match="login_ttl"):
            here.gateway.options.update(login_ttl=0)
        assert running.settings.ttl_s == 60


async def answers(here: Service) -> bool:
    """Whether whoever comes is served."""
    try:
        return (await here.client.get(f"{here.url}/nothing")).status_code == 404
    except httpx2.RemoteProtocolError:
        return False


async def test_only_so_many_are_served_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MOST_CONNECTIONS", 3)
    async with service(tmp_path, **ISSUER) as here:
        port = int(here.url.rpartition(":")[2])
        idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await reader.read() == b""
        for _, one in [*idle, (reader, writer)]:
            one.close()
        async with asyncio.timeout(10):
            while not await answers(here):
                await asyncio.sleep(0.01)


async def test_what_is_malformed_is_not_quoted_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with service(tmp_path, **ISSUER) as here:
        port = int(here.url.rpartition(":")[2])
        for raw in (
            b"GET /userinfo HTTP/1.1\r\nAuthorization Bearer eyJsecret\r\n\r\n",
            b"eyJsecret\r\n\r\n",
            b"POST /token HTTP/1.1\r\nContent-Length: eyJsecret\r\n\r\n",
            b"POST /token HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=eyJsecret\r\n"
            b"Content-Length: 3\r\n\r\nabc",
            b"GET /saml/acs?code=eyJsecret HTTP/1.1\r\nHost: x\r\n\r\n",
        ):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(raw)
            writer.write_eof()
            await reader.read()
            writer.close()
    assert "eyJsecret" not in caplog.text


def test_what_is_kept_for_a_moment_is_there_once() -> None:
    now = time.monotonic()
    once: Once[str] = Once(10, lambda: now)
    key, other = once.put("a", "x"), once.put("b", "x")
    assert (once.take(key), once.take(key), once.take("")) == ("a", None, None)
    now += 10
    assert once.take(other) is None
    assert once._owners == {}


def test_files_are_looked_for_beside_the_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "etc").mkdir()
    monkeypatch.chdir(tmp_path)
    text = "identity:\n  issuer: https://login.example.com\n  ca: ca.pem\n  saml_metadata: /abs/idp.xml\n"
    (tmp_path / "etc" / "hoopaddon.yaml").write_text(text)
    draft = read_file(Path("etc/hoopaddon.yaml"))
    known = Options()._options
    found = {name: value.of(known[name]) for name, value in draft.options.items()}
    assert found["oidc_ca"] == str(tmp_path / "etc" / "ca.pem")
    assert found["saml_metadata"] == "/abs/idp.xml"
    assert found["oidc_issuer"] == "https://login.example.com"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("login_listen: 0.0.0.0:8443\n  login_url: https://gateway.example.com", ""),
        ("login_listen: 0.0.0.0:8443", "hoopaddon.yaml:4: identity.login_listen"),
        ("login_listen: 8443\n  login_ttl: 0", "hoopaddon.yaml:5: identity.login_ttl: is 1 to 86400 seconds"),
        ("login_listen: 8443\n  saml_metadata: none.xml", "hoopaddon.yaml:5: identity.saml_metadata: cannot read it"),
        (
            "login_scopes: [profile]\n  login_listen: 8443",
            "hoopaddon.yaml:4: identity.login_scopes: has to have openid",
        ),
    ],
)
async def test_check_says_what_would_keep_it_from_starting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "hoopaddon.yaml"
    file.write_text(f"identity:\n  issuer: https://login.example.com\n  login_client: hoopaddon\n  {lines}\n")
    _, problems = await check_file(file, "hoopaddon.yaml", offline=True)
    assert [str(problem).startswith(said) for problem in problems] == ([True] if said else []), problems
