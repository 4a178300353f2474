"""Where a request goes, and that it cannot leave what its route is for."""

from pathlib import Path
from types import MappingProxyType
from typing import cast

import pytest

from hoopaddon.errors import ConfigError
from hoopaddon.web.hygiene import BadRequest
from hoopaddon.web.mode import WebTarget
from hoopaddon.web.routes import Route, Routes
from hoopaddon.web.tls import ClientTls, TargetTls

TLS = cast(ClientTls, None)
NOTHING: MappingProxyType[str, str] = MappingProxyType({})


def route(
    path: str = "/api/v1",
    prefix: str = "/one",
    *,
    name: str = "one",
    scheme: str = "http",
    port: int = 80,
    **files: str,
) -> Route:
    settings = MappingProxyType({"name": name, **files})
    target = WebTarget(scheme, "api", port, path, settings, NOTHING, frozenset())
    # How it is met does not matter here, only that it is by TLS.
    return Route(target, "http", prefix=prefix, tls=cast(TargetTls, object()) if scheme == "https" else None)


CLIMBS = [
    "/../admin/x",
    "/..",
    "/x/../../admin",
    "/%2e%2e/admin",
    "/.%2E/admin",
    "/%252e%252e/admin",
    "/%25252e%25252e/admin",
    "/..%2fadmin",
    "/x%2f..%2f..%2fadmin",
    "/..%5cadmin",
    "/..\\admin",
    "/x\\..\\..\\admin",
    "/..;/admin",
    "/..;a=b/admin",
    "/..%3b/admin",
    "/.;/..;/admin",
    "//../../admin",
    "//../admin",
    "/x//../../admin",
    "/..%20/admin",
    "/..%20./admin",
    "/%c0%ae%c0%ae/admin",
    "/..%00/admin",
    "/..%09/admin",
    "/..#/admin",
    "/%u002e%u002e/admin",
    "/..?a=b",
    "/%2e%2e?",
    "/../v1x",
    "/../v1/../admin",
]


@pytest.mark.parametrize("rest", CLIMBS)
@pytest.mark.parametrize(("path", "prefix"), [("/api/v1", "/one"), ("/api/v1", ""), ("", "/one"), ("/a%20b", "/one")])
def test_no_path_leaves_its_target(path: str, prefix: str, rest: str) -> None:
    with pytest.raises(BadRequest):
        route(path, prefix).inner(prefix + rest)


@pytest.mark.parametrize(
    ("rest", "inner"),
    [
        ("", "/api/v1"),
        ("?x=/../..", "/api/v1?x=/../.."),
        ("/", "/api/v1/"),
        ("/x/../y", "/api/v1/x/../y"),
        ("/x?y=../..", "/api/v1/x?y=../.."),
        ("/group%2Fproject/a;b", "/api/v1/group%2Fproject/a;b"),
        ("//x", "/api/v1//x"),
        ("/..x/...", "/api/v1/..x/..."),
        ("/a%20b", "/api/v1/a%20b"),
        ("/.json", "/api/v1/.json"),
        ("/%C3%A9", "/api/v1/%C3%A9"),
    ],
)
def test_what_stays_inside_goes_on_as_it_was_sent(rest: str, inner: str) -> None:
    assert route().inner(f"/one{rest}") == inner


def test_a_target_that_is_a_whole_server_has_no_outside() -> None:
    assert route("", "").inner("/x/../../y%2f..%2fz") == "/x/../../y%2f..%2fz"


def test_the_longest_prefix_is_meant() -> None:
    routes = Routes((route(prefix=""), route(prefix="/one", name="two"), route(prefix="/one/two", name="three")), TLS)
    for path, name in (("/one/two/x", "three"), ("/one/twox", "two"), ("/onex", "one"), ("/one?x", "two")):
        found = routes.find("gw", path)
        assert found is not None
        assert found.target.name == name


# -- one connection for all requests to an address


def test_two_targets_at_one_address_are_met_in_one_way(tmp_path: Path) -> None:
    ours = route(scheme="https", port=443, certificate="one.pem")
    for others in ({"certificate": "two.pem"}, {}, {"certificate": "one.pem", "ca": "ca.pem"}, {"key": "one.pem"}):
        other = route(prefix="/two", name="two", scheme="https", port=443, **others)
        for both in ((ours, other), (other, ours)):
            with pytest.raises(ConfigError, match=r"one and two|two and one") as e:
                Routes(both, TLS)
            assert "two modes" in e.value.hint


def test_the_same_files_may_be_written_in_two_ways(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    one = route(scheme="https", port=443, ca="ca.pem")
    two = route(prefix="/two", name="two", scheme="https", port=443, ca=str(tmp_path / "x" / ".." / "ca.pem"))
    assert Routes((one, two), TLS).to(("api", 443)) in (one, two)


def test_a_route_to_an_address_is_one_by_tls() -> None:
    plain = route(prefix="/one/long", port=443)
    secure = route(scheme="https", port=443, ca="ca.pem")
    other = route(prefix="/two", name="two", scheme="https", port=444, ca="other.pem")
    routes = Routes((plain, secure, other), TLS)
    assert routes.to(("api", 443)) is secure
    assert routes.to(("api", 444)) is other
    assert routes.to(("api", 80)) is None
