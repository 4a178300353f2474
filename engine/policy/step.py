"""One call into a policy, flat, for the loop that runs per command."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from hoopaddon.policy.policies import Policy

type HookFunction = Callable[[Any], Any]


class Step:
    """What `call` calls is this hook of this policy, which goes by `name`."""

    __slots__ = ("call", "hook", "name", "observer", "policy", "shadow")

    def __init__(self, policy: "Policy", hook: str, call: HookFunction) -> None:
        self.policy: Final = policy
        self.name: Final[str] = policy.name
        self.hook: Final = hook
        self.call: Final = call
        self.shadow: Final[bool] = policy.shadow
        self.observer: Final[bool] = policy.observer
