"""Somebody who types commands, at a machine of their own, beside a browser in which they log in."""

import os
import re
import sys
import time
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

from tests.servers import forked
from tests.servers.browser import browse
from tests.servers.oidc import ROOT

WITHIN_S = 60


class Person:
    """What `folder` holds is theirs; `name` is what they type where a provider asks who they are."""

    def __init__(self, folder: Path, name: str = "ada", **environment: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.name = name
        kept = {n: v for n, v in os.environ.items() if not n.startswith(("HOOPADDON", "DISPLAY", "WAYLAND", "PG"))}
        browser = f"{sys.executable} -m tests.servers.browser {name} %s"
        self.environment = {
            **kept,
            "HOME": str(folder),
            "NO_COLOR": "1",
            "COLUMNS": "120",
            "PYTHONPATH": str(ROOT),
            "BROWSER": browser,
            **environment,
        }

    @property
    def confdir(self) -> Path:
        return self.folder / ".hoopaddon"

    def run(self, *arguments: str, **environment: str) -> CompletedProcess[str]:
        """`hoopaddon ARGUMENTS`, to its end."""
        env = {name: value for name, value in {**self.environment, **environment}.items() if value}
        return forked.run(arguments, cwd=self.folder, env=env, within_s=WITHIN_S)

    def token(self) -> str:
        """The token that a login has left."""
        return self.run("whoami", "--token").stdout.strip()


class Interactive:
    """`hoopaddon login` while it waits for somebody; `told` is what it has said."""

    def __init__(self, person: Person, *arguments: str, **environment: str) -> None:
        self._person = person
        self._said = person.folder / "told.log"
        env = {name: value for name, value in {**person.environment, **environment}.items() if value}
        with self._said.open("wb") as said:
            self._process: Any = forked.start(
                ["login", *arguments], cwd=person.folder, env=env, stdout=said, stderr=said
            )

    def told(self, pattern: str) -> str:
        """What it tells its user, once it does."""
        until = time.monotonic() + WITHIN_S
        while not (found := re.search(pattern, self._said.read_text())):
            if time.monotonic() > until or self._process.poll() is not None:
                raise AssertionError(f"{pattern!r} was not said:\n{self._said.read_text()}")
            time.sleep(0.02)
        return found[1]

    def browse(self, pattern: str = r"\n  (http\S+)\n") -> str:
        """Do what it asks for, in a browser."""
        return browse(self._person.name, self.told(pattern))

    def end(self) -> tuple[int, str]:
        """Its exit code, and all that it has said."""
        return self._process.wait(WITHIN_S), self._said.read_text()
