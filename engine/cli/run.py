"""`hoopaddon` without a command: the gateway itself."""

import argparse
import asyncio
import difflib
import logging
import os
import platform
import signal
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from hoopaddon.cli.arguments import parser
from hoopaddon.config.draft import Draft
from hoopaddon.config.layers import FILE, CommandLine, Layers, read_config
from hoopaddon.errors import ConfigError
from hoopaddon.scripts.versions import look_again

if TYPE_CHECKING:
    from hoopaddon.config.live import Live
    from hoopaddon.gateway import Gateway
    from hoopaddon.options import Options

logger = logging.getLogger(__name__)

CONFIG_FILES = ("config.yaml", "config.yml")
AN_EXAMPLE = "hoopaddon -s mask_pii.py --mode postgres:db.internal:5432@15432"


def main(argv: Sequence[str]) -> int:
    """Run the gateway until it is told to stop; returns the exit code."""
    arguments = parser().parse_args(argv)
    if arguments.version:
        from hoopaddon.compiled import is_compiled

        python = f"Python {platform.python_version()}, {'compiled' if is_compiled() else 'not compiled'}"
        print(f"hoopaddon {version('hoopaddon')} (mitmproxy {version('mitmproxy')}, {python})")
        return 0
    from hoopaddon import event_loop

    return event_loop.run(_run(arguments))


async def _run(arguments: argparse.Namespace) -> int:
    from mitmproxy import exceptions, optmanager

    from hoopaddon.gateway import Gateway
    from hoopaddon.log import TerminalLog

    gateway = Gateway()
    log = TerminalLog(on_broken=gateway.shutdown)
    gateway.addons.add_machinery(log)
    try:
        live = configure(gateway, arguments)
        if arguments.options:
            optmanager.dump_defaults(gateway.options, sys.stdout)
            return 0
        if arguments.commands:
            gateway.commands.dump(sys.stdout)
            return 0
        if not gateway.options.mode:
            raise ConfigError("nothing to stand in front of: no --mode is given", hint=f"for example: {AN_EXAMPLE}")
        _on_signals(gateway.shutdown)
        if live is not None:
            logger.info("Configuration: %s.", arguments.config or FILE)
        await _serve(gateway, live)
        return 0
    except exceptions.OptionsError as e:
        raise ConfigError(str(e)) from e
    finally:
        # What has been loaded may have something open, also when nothing was ever served.
        await gateway.done()
        log.uninstall()


async def _serve(gateway: "Gateway", live: "Live | None") -> None:
    async def watch() -> None:
        await gateway.ready.wait()
        if live is not None:
            await live.watch()

    watching = asyncio.create_task(watch())
    try:
        await gateway.run()
    finally:
        watching.cancel()


def configure(gateway: "Gateway", arguments: argparse.Namespace, *, looks_here: bool = True) -> "Live | None":
    """Settle every option: confdir's file, `hoopaddon.yaml`, `--set`, the arguments. Raises ConfigError.

    What is returned watches the file, where there is one. Without `looks_here` the working directory's is left alone:
    whoever starts this may not have chosen it.
    """
    from hoopaddon.detect.databases import keep_in

    options = gateway.options
    named = getattr(arguments, "config", None)
    seen = look_again(Path(named or FILE), None)
    draft = read_config(named, looks_here=looks_here)
    if arguments.quiet or arguments.options or arguments.commands:
        options.update(termlog_verbosity="error")
    elif arguments.verbose:
        options.update(termlog_verbosity="debug")
    _choose_confdir(gateway, arguments, draft)
    keep_in(gateway.confdir)
    load_config_files(options)
    layers = Layers(gateway, CommandLine.of(arguments))
    layers.start(draft)
    if options.deferred:
        raise unknown_option(next(iter(options.deferred)), gateway)
    if draft is None:
        return None
    from hoopaddon.config.live import Live

    return Live(gateway, layers, Path(named or FILE), draft, seen)


def _choose_confdir(gateway: "Gateway", arguments: argparse.Namespace, draft: Draft | None) -> None:
    """Before anything is read from there; the first to need it would otherwise create the default one."""
    folders = [value for name, _, value in (s.partition("=") for s in arguments.settings) if name == "confdir"]
    written = draft.options.pop("confdir", None) if draft is not None else None
    in_file = written.of(gateway.options._options["confdir"]) if written is not None else None
    if folder := arguments.confdir or next(iter(folders), None) or in_file:
        gateway.options.update(confdir=folder)
        arguments.settings = [s for s in arguments.settings if s.partition("=")[0] != "confdir"]


def load_config_files(options: "Options") -> None:
    """Set what the files of the confdir say. Raises `ConfigError`."""
    from mitmproxy import exceptions, optmanager

    for name in CONFIG_FILES:
        path = options.confdir_path / name
        try:
            optmanager.load_paths(options, path)
        except exceptions.OptionsError as e:
            raise ConfigError(str(e).removeprefix(f"Error reading {path}: "), file=str(path)) from e
        except (TypeError, AttributeError) as e:
            hint = "the file has lines of the form  option: value  with values of each option's type (see --options)"
            raise ConfigError(
                str(e) if isinstance(e, TypeError) else "cannot be read", file=str(path), hint=hint
            ) from e
        except OSError as e:
            raise ConfigError(f"cannot be read: {e.strerror}", file=str(path)) from e


def unknown_option(name: str, gateway: "Gateway") -> ConfigError:
    close = difflib.get_close_matches(name, gateway.options.keys(), n=3)
    known = f"did you mean {' or '.join(close)}? " if close else ""
    hint = f"{known}An option of a policy needs its script (-s); --options shows all."
    return ConfigError(f"there is no option {name}", hint=hint)


def _on_signals(stop: Callable[[], None]) -> None:
    """The first SIGINT or SIGTERM ends the gateway in good order, the second one at once."""
    loop = asyncio.get_running_loop()
    asked = False

    def on_signal(number: int) -> None:
        nonlocal asked
        if asked:
            os._exit(128 + number)
        asked = True
        logger.info("Stopping when what is in flight has finished; once more to stop at once.")
        stop()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal, number)
