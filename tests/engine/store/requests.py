"""Requests for an approval, for the tests of who may answer them."""

import time
from typing import Any

from hoopaddon.store.approvals import Request, Status
from hoopaddon.store.person import Person

ADA = Person("ada", frozenset({"dba"}), "token")
BOB = Person("bob", frozenset({"dba", "security"}), "token")
EVE = Person("eve", frozenset({"dev"}), "token")


def a_request(**fields: Any) -> Request:
    """A delete that `agent-7` has asked for; `fields` replace what is said of it."""
    now = time.time()
    return Request(
        **{
            "id": "",
            "session": "01a2",
            "number": 1,
            "user": "agent-7",
            "groups": ["dev"],
            "address": "192.0.2.7:5555",
            "target": "prod",
            "server": "db.internal:5432",
            "labels": {"env": "prod"},
            "protocol": "postgres",
            "text": "DELETE FROM orders WHERE id = $1",
            "parameters": ["7", None],
            "verbs": ["delete"],
            "objects": ["orders"],
            "reason": "delete on orders needs an approval",
            "policy": "require_approval",
            "approvers": [],
            "needed": 1,
            "created": now,
            "expires": now + 60,
            "digest": "d1",
            "status": Status.PENDING,
            **fields,
        }
    )
