"""How psql, and whatever else goes by libpq's variables, reaches a target through the gateway."""

import getpass
import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, urlencode

import certifi

from hoopaddon.clients import Client, PrivateFolder, Way

_IN_THE_WAY = (
    *("PGSERVICE", "PGSERVICEFILE", "PGHOSTADDR", "PGPASSFILE", "PGSSLCERT", "PGSSLKEY", "PGSSLCRL", "PGSSLCRLDIR"),
    *("PGREQUIREAUTH", "PGREQUIREPEER", "PGREQUIRESSL", "PGCHANNELBINDING", "PGTARGETSESSIONATTRS"),
    *("PGSSLNEGOTIATION", "PGGSSENCMODE", "PGOPTIONS"),
)
"""What would lead libpq elsewhere, or have it insist on what no gateway can give."""


class PostgresClients:
    """See the module."""

    programs = ("psql", "pg_dump", "pg_restore", "pgbench", "pg_dumpall")

    def takes_token(self, address: str, settings: Mapping[str, str]) -> bool:
        return "user" in settings

    def string(self, way: Way) -> str:
        query = urlencode({"sslmode": "verify-full", "sslrootcert": str(_authority(way))}, safe="/")
        return f"postgresql://{quote(_user(way), safe='')}@{way.authority_part}/?{query}"

    def client(self, way: Way, folder: PrivateFolder) -> Client:
        found: dict[str, str | None] = dict.fromkeys(_IN_THE_WAY)
        found |= {
            "PGHOST": way.host,
            "PGPORT": str(way.port),
            "PGUSER": _user(way),
            "PGSSLMODE": "verify-full",
            "PGSSLROOTCERT": str(_authority(way)),
        }
        if way.token:
            found["PGPASSWORD"] = way.token
        return Client(("psql",), found)


def _user(way: Way) -> str:
    """A token speaks for its user whatever name stands here; what follows the @ is the target."""
    return f"{way.user or os.environ.get('PGUSER') or getpass.getuser()}@{way.target}"


def _authority(way: Way) -> Path:
    return way.authority or Path(certifi.where())
