"""How psql, and whatever else goes by libpq's variables, reaches a target through the gateway."""

import getpass
import os
from collections.abc import Mapping
from urllib.parse import quote, urlencode

import certifi

from hoopaddon.clients import Client, PrivateFolder, Way

_IN_THE_WAY = (
    *("PGSERVICE", "PGSERVICEFILE", "PGHOSTADDR", "PGSSLROOTCERT", "PGSSLCERT", "PGSSLKEY", "PGSSLCRL"),
    *("PGSSLCRLDIR", "PGREQUIREAUTH", "PGREQUIREPEER", "PGREQUIRESSL", "PGCHANNELBINDING"),
    *("PGTARGETSESSIONATTRS", "PGSSLNEGOTIATION", "PGGSSENCMODE", "PGOPTIONS"),
)
"""What would lead libpq elsewhere, or have it insist on what no gateway can give."""


class PostgresClients:
    """See the module."""

    programs = ("psql", "pg_dump", "pg_restore", "pgbench", "pg_dumpall")

    def takes_token(self, address: str, settings: Mapping[str, str]) -> bool:
        return "user" in settings

    def string(self, way: Way) -> str:
        return f"postgresql://{quote(_user(way), safe='')}@{way.authority_part}/?{urlencode(_tls(way), safe='/')}"

    def client(self, way: Way, folder: PrivateFolder) -> Client:
        found: dict[str, str | None] = dict.fromkeys(_IN_THE_WAY)
        found |= {"PGHOST": way.host, "PGPORT": str(way.port), "PGUSER": _user(way)}
        found |= {f"PG{name.upper()}": value for name, value in _tls(way).items()}
        if way.token:
            # A token is no password of the file that the user may have.
            found |= {"PGPASSWORD": way.token, "PGPASSFILE": None}
        return Client(("psql",), found)


def _tls(way: Way) -> dict[str, str]:
    """Where the client's own login passes through, the gateway is on this machine, and may have no TLS."""
    if not way.user:
        return {"sslmode": "prefer"}
    return {"sslmode": "verify-full", "sslrootcert": str(way.authority or certifi.where())}


def _user(way: Way) -> str:
    """A token speaks for its user whatever name stands here; what follows the @ is the target."""
    return f"{way.user or os.environ.get('PGUSER') or getpass.getuser()}@{way.target}"
