"""A connection that has switched protocols ends with its session; what reads it says why where it can."""

from typing import Any

from mitmproxy.options import Options
from mitmproxy.proxy import commands, events
from mitmproxy.proxy.context import Context
from mitmproxy.test import tflow

from hoopaddon.errors import Refused
from hoopaddon.traffic.streams import SessionEnded
from hoopaddon.traffic.tunnels import TunnelLayer
from hoopaddon.web.tunnel import TunnelSides


class Echo:
    """Says to the client what it hears, and at the end why."""

    def __init__(self, sides: TunnelSides) -> None:
        self._sides = sides

    def client_data(self, data: bytes) -> None:
        self._sides.to_client(data)

    def target_data(self, data: bytes) -> None:
        self._sides.to_client(data)

    def client_gone(self) -> None:
        """Nothing."""

    def target_gone(self) -> None:
        """Nothing."""

    def end(self, error: Refused) -> None:
        self._sides.to_client(error.reason.encode())
        self._sides.fail(error)


def test_a_tunnel_ends_with_its_session() -> None:
    flow = tflow.tflow(resp=True)
    assert flow.response is not None
    context = Context(tflow.tclient_conn(), Options())
    layer = TunnelLayer(context, flow, Echo, wake=lambda: None, hold=lambda _: None)
    list(layer.handle_event(events.Start()))
    said: list[Any] = list(layer.handle_event(SessionEnded(flow, flow.response, "your grant has ended")))
    sent = [step.data for step in said if isinstance(step, commands.SendData)]
    closed = [step.connection for step in said if isinstance(step, commands.CloseConnection)]
    assert sent == [b"your grant has ended"]
    assert closed == [context.client, context.server]
    assert list(layer.handle_event(events.DataReceived(context.client, b"more"))) == []
