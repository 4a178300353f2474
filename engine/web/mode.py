"""What a mode says of its targets on HTTP: `https://HOST[:PORT][/PATH]?key=value&…`, several joined by `|`."""

from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import urlsplit

from hoopaddon.target import TargetForm

DEFAULT_PORTS = {"http": 80, "https": 443}


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


@dataclass(frozen=True, slots=True)
class WebForm:
    """How a protocol's targets are written; `settings` says which keys there are."""

    form: str
    settings: TargetForm

    def read_all(self, data: str) -> tuple[WebTarget, ...]:
        """The targets of one mode, which listens for all of them. Raises `ValueError`, with what to write instead."""
        targets = tuple(self.read(part.strip()) for part in data.split("|"))
        names = [target.name for target in targets]
        if twice := next((name for name in names if names.count(name) > 1), ""):
            raise ValueError(f"two targets are called {twice}: give each a name=…")
        return targets

    def read(self, data: str) -> WebTarget:
        """Raises `ValueError`, with what to write instead."""
        address, _, query = data.partition("?")
        try:
            parts = urlsplit(address)
            port = parts.port or DEFAULT_PORTS.get(parts.scheme, 0)
        except ValueError:
            raise ValueError(f"write {self.form}") from None
        if parts.scheme not in DEFAULT_PORTS or not parts.hostname or parts.fragment:
            raise ValueError(f"write {self.form}")
        if parts.username is not None:
            raise ValueError("an address holds no credentials: name them as references, user=… and password=…")
        settings, labels, allowed = self.settings.read_settings(query)
        return WebTarget(parts.scheme, parts.hostname, port, parts.path.rstrip("/"), settings, labels, allowed)
