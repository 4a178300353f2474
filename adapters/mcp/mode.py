"""`--mode mcp:https://HOST[:PORT]/PATH[?key=value&…]@[LISTEN_HOST:]LISTEN_PORT`."""

from dataclasses import replace
from typing import Literal
from urllib.parse import urlsplit

from mitmproxy.proxy.mode_specs import ProxyMode

from hoopaddon.target import NAME, Setting, TargetForm
from hoopaddon.web.credential_settings import SETTINGS, credential_of
from hoopaddon.web.mode import HOST, LOGIN, USERS, WebForm, WebTarget
from hoopaddon.web.tls import SETTINGS as TLS_SETTINGS

_FORM = "mcp:https://HOST[:PORT]/PATH[?key=value]@LISTEN_PORT, for example mcp:https://mcp.internal/mcp@8082"

FORM = WebForm(
    form=_FORM,
    settings=TargetForm(
        form=_FORM,
        address="https://HOST[:PORT]/PATH, for example https://mcp.internal/mcp",
        default_port=0,
        keys={
            "name": NAME,
            "host": HOST,
            "login": LOGIN,
            "users": USERS,
            "tools": Setting("Patterns of the names of the tools that are offered.", "list"),
            "no_tools": Setting("Patterns of the names of the tools that are not offered.", "list"),
            "origin": Setting("The site whose pages may connect, as a browser names it."),
            **SETTINGS,
            **TLS_SETTINGS,
        },
        # What nobody can look into, only where the operator says so.
        allowable=("binary",),
    ),
)


class McpMode(ProxyMode):
    """An MCP server on HTTP that the gateway stands in front of, at the same path: `http://GATEWAY:8082/mcp`.

    `tools` and `no_tools` are patterns of names, with commas between them, of the tools that are offered and those
    that are not. `allow=binary` lets images and the like pass, `origin` names a site whose pages may connect.
    A path that ends with `/sse` is the transport of 2024-11-05, which names a second path by itself. Nothing else is
    served; a slash at the end makes another path.
    """

    transport_protocol: Literal["tcp", "udp", "both"] = "tcp"
    default_port = 8082

    targets: tuple[WebTarget, ...]

    def __post_init__(self) -> None:
        targets = FORM.read_all(self.data)
        for target in targets:
            credential_of(target.settings)
            if target.settings.get("login", "token") != "token":
                raise ValueError("login can only be token; leave it out where the client's own login passes through")
        written = (part.strip().partition("?")[0] for part in self.data.split("|"))
        targets = tuple(replace(one, path=urlsplit(text).path) for one, text in zip(targets, written, strict=True))
        object.__setattr__(self, "targets", targets)

    @property
    def description(self) -> str:
        return " and ".join(f"MCP {target.address}" for target in self.targets)


def whole_host(target: WebTarget) -> WebTarget:
    """Of the old transport, whose server names a path by itself, the host that it has to be at."""
    return replace(target, path="") if target.path.rstrip("/").endswith("/sse") else target
