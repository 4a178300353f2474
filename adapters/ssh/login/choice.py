"""Which of a listener's targets a client means: `user+target`, `user@target`, or the target's name alone."""

from dataclasses import dataclass

from hoopaddon.adapters.ssh.login.proof import ClientCheck
from hoopaddon.adapters.ssh.login.target import TargetLogin
from hoopaddon.adapters.ssh.mode import SshTarget


@dataclass(frozen=True, slots=True)
class Served:
    """A target, how its clients prove who they are, and how the gateway logs in there."""

    target: SshTarget
    check: ClientCheck
    login: TargetLogin


class Choice:
    """The targets of one listener."""

    def __init__(self, served: tuple[Served, ...]) -> None:
        self.served = served
        self._by_name = {one.target.target.name: one for one in served}

    def of(self, username: str) -> tuple[Served, str] | None:
        """The target, and whom the client asks for there, empty for nobody; None where no target has this name."""
        for separator in "+@":
            user, found, name = username.rpartition(separator)
            if found and user and name in self._by_name:
                return self._by_name[name], user
        if username in self._by_name:
            return self._by_name[username], ""
        return (self.served[0], username) if len(self.served) == 1 else None
