"""Which addresses a forward proxy takes for the outside."""

import ipaddress
import socket

import pytest
from mitmproxy.proxy.mode_specs import ProxyMode

from hoopaddon.errors import Refused
from hoopaddon.web import egress
from hoopaddon.web.egress import Egress, is_own

REGULAR = ProxyMode.parse("regular")

INSIDE = """
127.0.0.1 127.8.8.8 0.0.0.0 10.1.2.3 172.16.0.1 192.168.1.1 169.254.169.254 100.64.0.1 100.100.100.200 168.63.129.16
192.0.0.192 224.0.0.1 255.255.255.255 192.0.2.1 :: ::1 fe80::1 fe80::1%eth0 fc00::1 fd00:ec2::254 ff02::1
fec0::1 feff:ffff::1 5f00::1 3fff::1 ::127.0.0.1 ::10.0.0.1 ::169.254.169.254 ::ffff:127.0.0.1 ::ffff:10.0.0.1
::ffff:0:127.0.0.1 ::ffff:0:169.254.169.254 64:ff9b::7f00:1 64:ff9b::10.0.0.1 64:ff9b:1::10.0.0.1
2002:7f00:1::1 2002:a9fe:a9fe::1 2a00::5efe:10.0.0.1 2a00::200:5efe:127.0.0.1 2001:db8::1
"""
OUTSIDE = "1.1.1.1 8.8.8.8 2606:4700::1111 64:ff9b::8.8.8.8 ::ffff:8.8.8.8 2a00:1450:4001:800::200e"


@pytest.mark.parametrize("address", INSIDE.split())
async def test_what_only_the_gateway_can_reach_is_inside(address: str) -> None:
    with pytest.raises(Refused):
        Egress().check_reached(REGULAR, ("host.example", 80), (address, 80))


@pytest.mark.parametrize("address", OUTSIDE.split())
def test_the_rest_is_outside(address: str) -> None:
    if address.startswith("::ffff:") and not ipaddress.ip_address(address).is_global:
        pytest.skip("this Python takes no mapped address for a global one")
    Egress().check_reached(REGULAR, ("host.example", 80), (address, 80))


def own_addresses() -> list[str]:
    found = ["127.0.0.1"]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return found
        return [*found, probe.getsockname()[0]]


@pytest.mark.parametrize("binds_all", [False, True])
def test_every_address_of_the_machine_is_its_own(binds_all: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if binds_all:
        # As with net.ipv4.ip_nonlocal_bind.
        monkeypatch.setattr(egress, "_binds", lambda _family, _address: True)
    for text in own_addresses():
        assert is_own(ipaddress.ip_address(text))
    for text in ("192.0.2.1", "8.8.8.8", "2606:4700::1111"):
        assert not is_own(ipaddress.ip_address(text))


def test_an_address_of_the_machine_is_inside_though_it_is_global(monkeypatch: pytest.MonkeyPatch) -> None:
    own = ipaddress.ip_address("8.8.8.8")
    monkeypatch.setattr(egress, "is_own", lambda address: address == own)
    for text in ("8.8.8.8", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1"):
        with pytest.raises(Refused):
            Egress().check_reached(REGULAR, ("host.example", 80), (text, 80))
    Egress().check_reached(REGULAR, ("host.example", 80), ("1.1.1.1", 80))
