"""A provider for each test process, and a gateway with a login service for each test."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import httpx2
import pytest

from demo.server import free_port
from tests.conftest import StartGateway
from tests.servers.gateway import Gateway
from tests.servers.oidc import OidcProvider
from tests.servers.person import Person
from tests.servers.postgres import APP, PostgresServer
from tests.servers.saml import GROUPS, SamlIdpServer


@pytest.fixture(scope="session")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OidcProvider]:
    with OidcProvider(tmp_path_factory.mktemp("oidc")) as running:
        yield running


@pytest.fixture(scope="session")
def idp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SamlIdpServer]:
    with SamlIdpServer(tmp_path_factory.mktemp("idp")) as running:
        yield running


class Logins(Protocol):
    """Starts a gateway in front of PostgreSQL that people log in at; `url` is where."""

    def __call__(self, **options: Any) -> tuple[Gateway, str]: ...


@pytest.fixture
def logins(postgres: PostgresServer, gateway: StartGateway, provider: OidcProvider) -> Logins:
    def start(**options: Any) -> tuple[Gateway, str]:
        port = free_port()
        chosen = {
            "oidc_issuer": provider.issuer,
            "oidc_audience": "hoopaddon",
            "oidc_clients": "*",
            "oidc_login_client": "hoopaddon",
            "login_listen": port,
        } | options
        started = gateway(
            postgres,
            options={name: value for name, value in chosen.items() if value is not None},
            settings={"user": APP, "password": "env:APP_PASSWORD"},
            environment={"APP_PASSWORD": postgres.passwords[APP]},
        )
        return started, f"http://127.0.0.1:{port}"

    return start


@pytest.fixture
def saml_logins(logins: Logins, idp: SamlIdpServer, tmp_path: Path) -> Logins:
    """The same, where the provider is one of SAML, and knows the gateway."""
    metadata = tmp_path / "idp.xml"
    metadata.write_text(idp.metadata())

    def start(**options: Any) -> tuple[Gateway, str]:
        of_oidc = dict.fromkeys(("oidc_issuer", "oidc_audience", "oidc_clients", "oidc_login_client"))
        started, url = logins(**of_oidc, saml_metadata=metadata, saml_groups_attribute=GROUPS, **options)
        idp.service = httpx2.get(f"{url}/saml/metadata", trust_env=False).text
        return started, url

    return start


@pytest.fixture
def ada(tmp_path: Path) -> Person:
    return Person(tmp_path / "ada")
