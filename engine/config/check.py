"""Everything that can be known of a file before the gateway starts by it: keys, scripts, secrets, targets."""

import asyncio
import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mitmproxy import exceptions
from mitmproxy.proxy.mode_servers import ServerInstance
from mitmproxy.proxy.mode_specs import ProxyMode

from hoopaddon.config.document import Item
from hoopaddon.config.draft import Draft, FileTarget
from hoopaddon.config.layers import CommandLine, Layers, placed
from hoopaddon.config.sections import read_file
from hoopaddon.credential import CredentialUnavailable, is_local, resolve
from hoopaddon.errors import ConfigError
from hoopaddon.gateway import Gateway
from hoopaddon.options import Options
from hoopaddon.relay.listener import Listening, Reach

REACH_WITHIN_S = 5.0
AT_ONCE = 16
"""Targets that are tried at the same time."""


async def check_file(path: Path, shown: str, *, offline: bool) -> tuple[Draft | None, list[ConfigError]]:
    """What the file says, and all that is wrong with it; `offline` tries no connection. Needs a running loop."""
    try:
        draft = read_file(path, shown)
    except ConfigError as e:
        return None, [e]
    if draft.problems:
        return draft, draft.problems
    return draft, await check_draft(draft, offline=offline)


async def check_draft(draft: Draft, *, offline: bool) -> list[ConfigError]:
    """What is wrong with a file in which every key is right."""
    draft.options.pop("confdir", None)
    with TemporaryDirectory(prefix="hoopaddon-check-") as confdir:
        gateway = Gateway(Options(confdir=confdir))
        try:
            problems = _check_options(gateway, draft) or _check_logins(gateway, draft)
            problems += await _check_targets(gateway, draft.targets, offline=offline)
        finally:
            await gateway.done()
    return sorted(problems, key=lambda problem: problem.line or 0)


async def check_targets(targets: Sequence[FileTarget]) -> list[ConfigError]:
    """What is wrong with these targets: files, secrets, and whether they answer. Needs a running loop."""
    with TemporaryDirectory(prefix="hoopaddon-check-") as confdir:
        gateway = Gateway(Options(confdir=confdir))
        try:
            return await _check_targets(gateway, targets, offline=False)
        finally:
            await gateway.done()


async def _check_targets(gateway: Gateway, targets: Sequence[FileTarget], *, offline: bool) -> list[ConfigError]:
    problems: list[ConfigError] = []
    reaches: list[tuple[FileTarget, Reach]] = []
    for target in targets:
        found, wrong = _check_target(gateway, target)
        reaches += [(target, reach) for reach in found]
        problems += wrong
    if offline:
        return problems
    return problems + await _unreachable(reaches) + await _not_to_be_had(gateway, targets)


def _check_options(gateway: Gateway, draft: Draft) -> list[ConfigError]:
    problems: list[ConfigError] = []
    known: Mapping[str, Any] = gateway.options._options
    own = [name for name in draft.options if name in known and name not in ("mode", "scripts", "shadow")]
    for name in own:
        try:
            with placed(draft):
                gateway.options.update(**{name: draft.options[name].of(known[name])})
        except (ConfigError, exceptions.OptionsError) as e:
            problems.append(e if isinstance(e, ConfigError) else draft.options[name].item.wrong(str(e)))
    gateway.options.deferred.update({n: value for n, value in draft.options.items() if n not in known})
    loaded: list[str] = []
    for addon in draft.addons:
        try:
            gateway.options.update(scripts=[*loaded, addon.script])
            loaded.append(addon.script)
        except exceptions.OptionsError as e:
            said = str(e)
            own_place = said.startswith(f"{draft.file}:")
            problems.append(ConfigError(said) if own_place else addon.item.wrong("does not load", said))
    if len(loaded) == len(draft.addons):
        problems += Layers(gateway, CommandLine()).unowned(draft)
    return problems


def _check_logins(gateway: Gateway, draft: Draft) -> list[ConfigError]:
    try:
        gateway.logins.check()
    except ConfigError as e:
        value = draft.options.get(e.key)
        return [value.item.wrong(e.message, e.hint) if value is not None else e]
    return []


def _check_target(gateway: Gateway, target: FileTarget) -> tuple[list[Reach], list[ConfigError]]:
    """Where the target is, and what is wrong with what it names: files, secrets, who may connect."""
    problems: dict[str, ConfigError] = {}
    for name, reference in target.references.items():
        try:
            if is_local(reference):
                resolve(reference)
        except ConfigError as e:
            problems[name] = target.items[name].wrong(e.message, e.hint)
    try:
        instance: ServerInstance[ProxyMode] = ServerInstance.make(ProxyMode.parse(target.mode), gateway.servers)
        if not isinstance(instance, Listening):
            return [], list(problems.values())
        instance.make_ready()
        return list(instance.reaches), list(problems.values())
    except ConfigError as e:
        if e.key not in problems:
            problems[e.key] = target.wrong(e)
    except (OSError, ValueError) as e:
        problems[""] = target.item.wrong(str(e) or type(e).__name__)
    return [], list(problems.values())


async def _unreachable(reaches: list[tuple[FileTarget, Reach]]) -> list[ConfigError]:
    room = asyncio.Semaphore(AT_ONCE)

    async def one(target: FileTarget, reach: Reach) -> ConfigError | None:
        async with room:
            why = await try_to_reach(reach)
        return target.items["address"].wrong(f"cannot be reached: {why}") if why else None

    return [error for error in await asyncio.gather(*(one(*pair) for pair in reaches)) if error is not None]


async def _not_to_be_had(gateway: Gateway, targets: Sequence[FileTarget]) -> list[ConfigError]:
    """Credentials that are kept elsewhere. A lease that was had for this ends with the gateway."""
    room = asyncio.Semaphore(AT_ONCE)

    async def one(item: Item, reference: str) -> ConfigError | None:
        async with room:
            try:
                await gateway.credentials.get(reference)
            except CredentialUnavailable as e:
                return item.wrong(f"cannot be had: {e}", "the gateway starts all the same, and asks again")
        return None

    asked = [one(target.items[name], where) for target in targets for name, where in _distant(target)]
    return [error for error in await asyncio.gather(*asked) if error is not None]


def _distant(target: FileTarget) -> Iterator[tuple[str, str]]:
    for name, reference in target.references.items():
        # What is wrong with one of this machine has been said.
        with contextlib.suppress(ConfigError):
            if not is_local(reference):
                yield name, reference


async def try_to_reach(reach: Reach) -> str:
    """Why there is no connection to a target; empty where there is one, which is closed again."""
    try:
        async with asyncio.timeout(REACH_WITHIN_S):
            _, writer = await asyncio.open_connection(reach.host, reach.port)
    except TimeoutError:
        return f"no answer within {REACH_WITHIN_S:g} s"
    except OSError as e:
        return os.strerror(e.errno) if e.errno and e.errno > 0 else "its name cannot be resolved"
    writer.close()
    return ""
