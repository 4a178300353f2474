"""Ask a service of your own whether a command may run; no answer means no.

    hoopaddon -s ask_service.py --set ask_url=http://127.0.0.1:8181/allow

It is sent `{"user": …, "groups": […], "target": …, "verbs": […], "objects": […]}` and answers
`{"allow": true}` or `{"allow": false, "reason": "…"}`.
"""

import asyncio
import json
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from hoopaddon import Command, ConfigError, Loader, Refused, ctx

TIMEOUT_S = 2.0
LIMIT_BYTES = 64 * 1024


class AskService:
    def load(self, loader: Loader) -> None:
        loader.add_option("ask_url", str, "", "The service that decides.")

    def configure(self, updated: set[str]) -> None:
        url = urlsplit(ctx.options.ask_url)
        if url.scheme not in ("http", "https") or not url.hostname:
            raise ConfigError("must be the URL of a service", key="ask_url", hint="for example https://opa/allow")
        self.url = url

    async def command(self, command: Command) -> None:
        session = command.session
        question = {
            "user": session.user.subject,
            "groups": sorted(session.user.groups),
            "target": session.target.name,
            "verbs": sorted(command.verbs),
            "objects": sorted(command.objects),
        }
        try:
            answer = await asyncio.to_thread(self.ask, question)
        except (OSError, HTTPException, ValueError):
            # Without this the command would be refused as well, with words that say less.
            raise Refused("the service that decides did not answer") from None
        if answer.get("allow") is not True:
            raise Refused(str(answer.get("reason") or "the service that decides said no"))

    def ask(self, question: dict[str, Any]) -> dict[str, Any]:
        kind = HTTPSConnection if self.url.scheme == "https" else HTTPConnection
        connection = kind(self.url.hostname or "", self.url.port, timeout=TIMEOUT_S)
        try:
            connection.request(
                "POST", self.url.path or "/", json.dumps(question), {"content-type": "application/json"}
            )
            # Closing the connection does not close an answer that has not been read to its end.
            with connection.getresponse() as response:
                body = response.read(LIMIT_BYTES)
        finally:
            connection.close()
        if response.status != 200:
            raise ValueError("the answer is an error")
        answer = json.loads(body)
        if not isinstance(answer, dict):
            raise ValueError("the answer is no object")
        return answer


addons = [AskService()]
