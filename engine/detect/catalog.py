"""What can be looked for, by name: entities, and groups of them."""

import difflib
from collections.abc import Iterable

from hoopaddon.detect.detector import Detector
from hoopaddon.detect.national import NATIONAL_IDS
from hoopaddon.detect.network import IPS, URL_CREDENTIAL
from hoopaddon.detect.payment import CARD, IBAN
from hoopaddon.detect.personal import EMAIL, PHONES
from hoopaddon.detect.secrets import API_KEYS, JWT, PRIVATE_KEY

DETECTORS = (EMAIL, CARD, IBAN, *NATIONAL_IDS, *PHONES, *IPS, JWT, *API_KEYS, PRIVATE_KEY, URL_CREDENTIAL)

ENTITIES = tuple(dict.fromkeys(detector.entity for detector in DETECTORS))
"""Every entity that has a detector."""

_SECRETS = (JWT, *API_KEYS, PRIVATE_KEY, URL_CREDENTIAL)

GROUPS = {
    "national_id": frozenset(detector.entity for detector in NATIONAL_IDS),
    "ip": frozenset(detector.entity for detector in IPS),
    "secret": frozenset(detector.entity for detector in _SECRETS),
    "all": frozenset(ENTITIES),
}
"""Names that stand for several entities."""


class UnknownEntity(ValueError):
    """No entity and no group has this name; the message says which one was probably meant."""

    def __init__(self, name: str) -> None:
        known = [*GROUPS, *ENTITIES]
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(known)}"
        super().__init__(f"unknown entity {name!r}; {hint}")
        self.name = name


def expand(names: Iterable[str]) -> frozenset[str]:
    """The entities that these names stand for. Raises `UnknownEntity`."""
    found: set[str] = set()
    for name in names:
        if name not in GROUPS and name not in ENTITIES:
            raise UnknownEntity(name)
        found |= GROUPS.get(name, frozenset((name,)))
    return frozenset(found)


def detectors(entities: frozenset[str]) -> tuple[Detector, ...]:
    """The detectors of these entities, in the catalog's order."""
    return tuple(detector for detector in DETECTORS if detector.entity in entities)
