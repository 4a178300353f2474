"""How often somebody may guess: failed logins are counted by address, by user name, and by both together.

Each count runs out steadily, so that after a burst of failures one more attempt is let through every now and then.
Others' failures, at the same address or for the same name, do not shut out who has lately logged in from there: they
are held to their own. What is kept is bounded; where there is no room, what failed the longest ago is forgotten.
"""

import hashlib
import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil

from hoopaddon.errors import HoopaddonError

MOST_KEPT = 10_000
"""Addresses, names, and pairs of them, of each."""
KNOWN_FOR_S = 24 * 3600.0
"""How long a login counts as recent."""
_NETWORK_BITS = 64
"""Of an IPv6 address, what one customer of a provider has at the least."""

type Key = bytes


class TooManyFailures(HoopaddonError):
    """No attempt is looked at now. The text is for the client; it is the same for right and wrong secrets."""

    def __init__(self, wait_s: float) -> None:
        super().__init__(f"too many failed logins; try again in {ceil(wait_s)} s")


@dataclass(slots=True)
class _Count:
    failures: float
    at: float


class _Counts:
    """Failures by one kind of key; those that failed the longest ago are first."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Key, _Count] = OrderedDict()

    def failures(self, key: Key, now: float, per_s: float) -> float:
        count = self._kept.get(key)
        if count is None:
            return 0.0
        left = count.failures - (now - count.at) * per_s
        if left <= 0:
            del self._kept[key]
        return max(left, 0.0)

    def add(self, key: Key, number: int, now: float, per_s: float) -> None:
        total = self.failures(key, now, per_s) + number
        if total <= 0:
            self._kept.pop(key, None)
            return
        self._kept[key] = _Count(total, now)
        self._kept.move_to_end(key)
        if len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)

    def __len__(self) -> int:
        return len(self._kept)


class Attempt:
    """A secret that is being looked at; it counts as wrong until somebody says otherwise."""

    def __init__(self, throttle: "Throttle", address: str, keys: "_Keys") -> None:
        self._throttle = throttle
        self._address = address
        self._keys: _Keys | None = keys

    def was_right(self, user: str = "") -> None:
        """It was no failure. `user` is who is in, whatever name was asked for; nobody where more is asked first."""
        keys, self._keys = self._keys, None
        if keys is not None:
            self._throttle._take_back(keys)
            if user:
                self._throttle._remember(self._address, user)


@dataclass(frozen=True, slots=True)
class _Keys:
    address: Key
    user: Key
    pair: Key


class Throttle:
    """See the module. `failures` within `window_s` seconds are what anybody may have; 0 takes any number."""

    def __init__(self, failures: int, window_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.limit(failures, window_s)
        self._clock = clock
        self._addresses, self._users, self._pairs = _Counts(), _Counts(), _Counts()
        self._known: OrderedDict[Key, float] = OrderedDict()

    def limit(self, failures: int, window_s: float) -> None:
        """Change the limits; what has failed so far still counts."""
        self._failures = failures
        self._per_s = failures / window_s

    def attempt(self, address: str, user: str) -> Attempt:
        """Count an attempt, before anything about it is looked at. Raises `TooManyFailures`."""
        keys = _Keys(_digest(network_of(address)), _digest(user), _digest(network_of(address), user))
        if self._failures:
            now = self._clock()
            if (wait_s := self._wait_s(keys, now)) > 0:
                raise TooManyFailures(wait_s)
            # Counted at once: attempts that are looked at meanwhile must not all pass on the same count.
            self._add(keys, 1, now)
        return Attempt(self, address, keys)

    def _wait_s(self, keys: _Keys, now: float) -> float:
        most = self._pairs.failures(keys.pair, now, self._per_s)
        if now - self._known.get(keys.pair, -KNOWN_FOR_S) >= KNOWN_FOR_S:
            by_address = self._addresses.failures(keys.address, now, self._per_s)
            most = max(most, by_address, self._users.failures(keys.user, now, self._per_s))
        return (most - (self._failures - 1)) / self._per_s

    def _add(self, keys: _Keys, number: int, now: float) -> None:
        for counts, key in ((self._addresses, keys.address), (self._users, keys.user), (self._pairs, keys.pair)):
            counts.add(key, number, now, self._per_s)

    def _take_back(self, keys: _Keys) -> None:
        if self._failures:
            self._add(keys, -1, self._clock())

    def _remember(self, address: str, user: str) -> None:
        pair = _digest(network_of(address), user)
        self._known[pair] = self._clock()
        self._known.move_to_end(pair)
        if len(self._known) > MOST_KEPT:
            self._known.popitem(last=False)

    @property
    def kept(self) -> int:
        """How much is remembered."""
        return len(self._addresses) + len(self._users) + len(self._pairs) + len(self._known)


def _digest(*parts: str) -> Key:
    """A key of one size, whatever a client calls itself."""
    text = "\0".join(parts).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(text, digest_size=16).digest()


def network_of(address: str) -> str:
    """Whose address it is: all of an IPv4 address, the first half of an IPv6 address."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv4Address):
        return str(ip)
    if ip.ipv4_mapped is not None:
        return str(ip.ipv4_mapped)
    return str(ipaddress.ip_network((ip, _NETWORK_BITS), strict=False))
