"""A provider that does as its place says; what was asked of it is in `asked`."""

import asyncio
from collections import deque

from hoopaddon.credential import Credential, CredentialRefused, CredentialUnavailable, Secret
from hoopaddon.errors import ConfigError

CANARY = "s3cret-of-the-fake"


class FakeLease:
    """Lasts for `duration_s`; renewals give what `renewals` has next, revocations are counted."""

    def __init__(self, duration_s: float, renewals: list[float | Exception]) -> None:
        self.duration_s = duration_s
        self.renewals = deque(renewals)
        self.renewed = 0
        self.revoked = 0
        self.hangs = False

    async def renew(self) -> float:
        self.renewed += 1
        found = self.renewals.popleft() if self.renewals else self.duration_s
        if isinstance(found, Exception):
            raise found
        return found

    async def revoke(self) -> None:
        self.revoked += 1
        if self.hangs:
            await asyncio.sleep(60)


class FakeProvider:
    """Answers are what is in `answers`, and then `steady`."""

    asked = 0
    delay_s = 0.0
    answers: deque[Credential | BaseException]
    steady: Credential | BaseException

    def __init__(self) -> None:
        FakeProvider.asked = 0
        FakeProvider.delay_s = 0.0
        FakeProvider.answers = deque()
        FakeProvider.steady = Credential(Secret(CANARY))

    def check(self, place: str) -> None:
        if place != "a-place":
            raise ConfigError("is no place", hint="write fake:a-place")

    async def fetch(self, place: str) -> Credential:
        FakeProvider.asked += 1
        if place == "stubborn":
            while True:
                try:
                    await asyncio.sleep(FakeProvider.delay_s)
                    break
                except asyncio.CancelledError:
                    continue
        else:
            await asyncio.sleep(FakeProvider.delay_s)
        found = FakeProvider.answers.popleft() if FakeProvider.answers else FakeProvider.steady
        if isinstance(found, BaseException):
            raise found
        return found


def unavailable() -> CredentialUnavailable:
    return CredentialUnavailable("the fake is down")


def refused() -> CredentialRefused:
    return CredentialRefused("the fake has none")
