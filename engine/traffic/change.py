"""Which listeners start, end or become another mode when the list of modes changes while the gateway runs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mitmproxy import ctx
from mitmproxy.proxy.mode_servers import ServerInstance, ServerManager
from mitmproxy.proxy.mode_specs import ProxyMode

from hoopaddon.errors import ConfigError
from hoopaddon.relay.listener import Listening

type Instances = dict[ProxyMode, ServerInstance[Any]]
type Place = tuple[str, int | None]


@dataclass(slots=True)
class ServersChange:
    """`instances` are all that run after it. One whose mode changes keeps its socket, and `take_overs` change it."""

    instances: Instances
    starting: list[ServerInstance[Any]]
    ending: list[ServerInstance[Any]]
    take_overs: list[Callable[[], None]]


def plan_change(before: Instances, modes: Sequence[ProxyMode], manager: ServerManager) -> ServersChange:
    """What has to happen for exactly these modes to run. Raises `ConfigError`."""
    change = ServersChange({}, [], [], [])
    free = {place_of(mode): mode for mode in before if mode not in modes}
    for mode in modes:
        instance = before.get(mode)
        if instance is None:
            other = free.get(place_of(mode))
            instance = before[other] if other is not None else ServerInstance.make(mode, manager)
            if other is None:
                change.starting.append(instance)
            elif other.type_name == mode.type_name and isinstance(instance, Listening):
                change.take_overs.append(instance.ready_for(mode))
            else:
                raise ConfigError(
                    f"{mode.full_spec} would listen where {other.full_spec} does",
                    hint="another protocol at a port that is in use takes a restart, or another port",
                )
        change.instances[mode] = instance
    kept = list(change.instances.values())
    change.ending = [instance for instance in before.values() if instance not in kept]
    return change


def place_of(mode: ProxyMode) -> Place:
    """Where a mode listens."""
    return mode.listen_host(ctx.options.listen_host), mode.listen_port(ctx.options.listen_port)
