"""The audit log: one line of JSON for each request that arrived, in the form of audit.k8s.io/v1."""

import json
from pathlib import Path
from typing import Any

from tests.kubernetes.double.api.identity import User
from tests.kubernetes.double.api.route import Route
from tests.kubernetes.double.objects.metadata import now
from tests.kubernetes.double.web.message import Request

type Json = dict[str, Any]


class Audit:
    """Where tests can see what a server was asked: `tests.kubernetes.servers` reads it."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", buffering=1)

    def note(
        self, identity: str, request: Request, route: Route | None, users: tuple[User, User], status: int
    ) -> None:
        """Write down a request, by whom it was and for whom, and what it was answered."""
        sender, user = users
        event: Json = {
            "kind": "Event",
            "apiVersion": "audit.k8s.io/v1",
            "auditID": identity,
            "stage": "ResponseComplete",
            "requestURI": request.target,
            "verb": route.verb if route else request.method.lower(),
            "user": sender.json(),
            "sourceIPs": [request.client],
            "userAgent": request.header("user-agent"),
            "responseStatus": {"code": status},
            "stageTimestamp": now(),
            "requestMethod": request.method,
            "requestHeaders": sorted({name for name, _ in request.headers}),
            "requestBody": request.body.decode("utf-8", "backslashreplace"),
        }
        if user is not sender:
            event["impersonatedUser"] = user.json()
        if route and route.plural:
            event["objectRef"] = {
                "apiGroup": route.group,
                "apiVersion": route.version,
                "resource": route.plural,
                "subresource": route.sub,
                "namespace": route.namespace,
                "name": route.name,
            }
        self._file.write(json.dumps(event) + "\n")
