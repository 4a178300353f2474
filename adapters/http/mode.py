"""`--mode http:https://HOST[:PORT][/PATH][?key=value&…]@[LISTEN_HOST:]LISTEN_PORT`."""

from typing import Literal

from mitmproxy.proxy.mode_specs import ProxyMode

from hoopaddon.target import NAME, TargetForm
from hoopaddon.web.credential_settings import SETTINGS, credential_of
from hoopaddon.web.mode import ADDRESS, HOST, LOGIN, PATH, USERS, WebForm, WebTarget, check_apart
from hoopaddon.web.tls import SETTINGS as TLS_SETTINGS

_FORM = "http:https://HOST[:PORT][?key=value]@LISTEN_PORT, for example http:https://api.internal@8081"

FORM = WebForm(
    form=_FORM,
    settings=TargetForm(
        form=_FORM,
        address=ADDRESS,
        default_port=0,
        keys={"name": NAME, "host": HOST, "path": PATH, "login": LOGIN, "users": USERS, **SETTINGS, **TLS_SETTINGS},
        # What nobody can look into, only where the operator says so.
        allowable=("large_body",),
    ),
)


class HttpMode(ProxyMode):
    """HTTP services that the gateway stands in front of; several are joined by `|`, and told apart by host or path.

    Without a credential (`bearer`, `user` with `password`, `header`, `query`) the client's own passes through. With
    one, or with `login=token`, clients prove themselves with a token, or a name and password of the file `users`.
    """

    transport_protocol: Literal["tcp", "udp", "both"] = "tcp"
    default_port = 8081

    targets: tuple[WebTarget, ...]

    def __post_init__(self) -> None:
        targets = FORM.read_all(self.data)
        for target in targets:
            credential_of(target.settings)
            if target.settings.get("login", "token") != "token":
                raise ValueError("login can only be token; leave it out where the client's own login passes through")
        check_apart([(target.name, target.settings) for target in targets])
        object.__setattr__(self, "targets", targets)

    @property
    def description(self) -> str:
        return " and ".join(f"HTTP {target.address}" for target in self.targets)
