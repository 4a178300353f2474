"""What a mode says of its targets on HTTP: `https://HOST[:PORT][/PATH]?key=value&…`, several joined by `|`."""

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import urlsplit

from hoopaddon.target import NoAddress, Setting, Settings, TargetForm, check_names, parts

DEFAULT_PORTS = {"http": 80, "https": 443}
ADDRESS = "https://HOST[:PORT][/PATH], for example https://api.internal"
HOST = Setting("The host name by which clients ask for this target, where one listener serves several.")
PATH = Setting("The path below which clients find this target, where one listener serves several; it is cut off.")
LOGIN = Setting("`token`: clients prove themselves although the target wants no credential.", choices=("token",))
USERS = Setting("File of the users who log in with a name and a password.", "file")


@dataclass(frozen=True, slots=True)
class WebTarget:
    """A target as its mode names it. `path` is where it begins there, without a slash at its end."""

    scheme: str
    host: str
    port: int
    path: str
    settings: MappingProxyType[str, str]
    labels: MappingProxyType[str, str]
    allowed: frozenset[str]

    @property
    def authority(self) -> str:
        """`host[:port]`, as a Host header has it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def address(self) -> str:
        """`https://host[:port]/path`."""
        return f"{self.scheme}://{self.authority}{self.path}"

    @property
    def name(self) -> str:
        """What policies and people call it."""
        return self.settings.get("name", self.authority)

    @property
    def is_secure(self) -> bool:
        return self.scheme == "https"


def check_apart(targets: Sequence[tuple[str, Settings]]) -> None:
    """Raises `ValueError` where two targets, by name, would take the same requests."""
    taken: dict[tuple[str, str], str] = {}
    for name, settings in targets:
        wanted = settings.get("host", "").lower(), settings.get("path", "").rstrip("/")
        other = taken.setdefault(wanted, name)
        if other != name:
            raise ValueError(f"{other} and {name} take the same requests: give each a host or a path of its own")


@dataclass(frozen=True, slots=True)
class WebForm:
    """How a protocol's targets are written; `settings` says which keys there are."""

    form: str
    settings: TargetForm

    def read_all(self, data: str) -> tuple[WebTarget, ...]:
        """The targets of one mode, which listens for all of them. Raises `ValueError`, with what to write instead."""
        targets = tuple(self.read(part) for part in parts(data))
        check_names([target.name for target in targets])
        return targets

    def read(self, data: str) -> WebTarget:
        """Raises `ValueError`, with what to write instead."""
        address, _, query = data.partition("?")
        try:
            parts = urlsplit(address)
            port = parts.port or DEFAULT_PORTS.get(parts.scheme, 0)
        except ValueError:
            raise NoAddress(f"write {self.form}") from None
        if parts.scheme not in DEFAULT_PORTS or not parts.hostname or parts.fragment:
            raise NoAddress(f"write {self.form}")
        if parts.username is not None:
            raise NoAddress("an address holds no credentials: name them as references, user=… and password=…")
        settings, labels, allowed = self.settings.read_settings(query)
        return WebTarget(parts.scheme, parts.hostname, port, parts.path.rstrip("/"), settings, labels, allowed)
