"""How curl, and whatever else takes a URL, reaches a target through the gateway."""

from collections.abc import Mapping

from hoopaddon.clients import Client, PrivateFolder, Way
from hoopaddon.web.credential_settings import credential_of

URL_VARIABLE = "HOOPADDON_URL"
_ASKING = frozenset({"login", "users", "certificate"})


class WebClients:
    """`{url}` in a command's arguments is the target's URL, as HOOPADDON_URL is in its environment."""

    def __init__(self, *programs: str, usual: tuple[str, ...]) -> None:
        self.programs = programs
        self._usual = usual

    def takes_token(self, address: str, settings: Mapping[str, str]) -> bool:
        return takes_token(settings)

    def string(self, way: Way) -> str:
        return url(way)

    def client(self, way: Way, folder: PrivateFolder) -> Client:
        lines = []
        if way.authority is not None:
            lines.append(f'cacert = "{way.authority.absolute()}"')
        if host := way.settings.get("host"):
            lines.append(f'header = "Host: {host}"')
        if way.token:
            # By name and password a token goes to this host alone, whatever other URL the command names.
            said = f"machine {way.host}\nlogin token\npassword {way.token}\n"
            lines.append(f'netrc-file = "{folder.write("netrc", said)}"')
        folder.write(".curlrc", "".join(f"{line}\n" for line in lines))
        found = {"CURL_HOME": str(folder.path), URL_VARIABLE: url(way)}
        return Client(self._usual, found, {"{url}": url(way)})


def takes_token(settings: Mapping[str, str]) -> bool:
    """As the listener has it: where the gateway has a proof of its own, clients prove themselves first."""
    return credential_of(settings) is not None or not _ASKING.isdisjoint(settings)


def url(way: Way, host: str = "") -> str:
    """The gateway serves TLS at every one of its HTTP ports. `host`: for who can only ask for a target by the URL."""
    return f"https://{f'{host}:{way.port}' if host else way.authority_part}{way.settings.get('path', '').rstrip('/')}"
