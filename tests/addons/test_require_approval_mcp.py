"""require_approval holds calls of tools by the tool's name, and by what SQL and command lines in them do."""

import pytest

from hoopaddon.addons.require_approval import RequireApproval
from hoopaddon.testing import command, held


@pytest.mark.parametrize(
    ("text", "options", "reason"),
    [
        ('delete {"id": 5}', {}, "delete needs an approval"),
        ('write_file {"path": "/a"}', {"approval_verbs": ["write_file"]}, "write_file on /a needs an approval"),
        ('execute_sql {"sql": "DELETE FROM orders WHERE id = 1"}', {}, "delete on orders needs an approval"),
        (
            'execute_sql {"sql": "DELETE FROM orders WHERE id = 1"}',
            {"approval_tables": ["customers"]},
            "",
        ),
        ('execute_sql {"sql": "SELECT 1"}', {}, ""),
        ('execute_sql {"sql": "SELEC 1"}', {}, "what cannot be read needs an approval"),
        ('run {"command": "sudo reboot"}', {"approval_verbs": ["reboot"]}, "reboot needs an approval"),
        ('run {"command": "uptime"}', {"approval_verbs": ["reboot"]}, ""),
        ("list {}", {"approval_verbs": ["*"]}, "list needs an approval"),
        ('execute_sql {"sql": "DELETE FROM orders WHERE id = 1"}', {"approval_labels": ["env=prod"]}, ""),
    ],
)
def test_what_is_held(text: str, options: dict[str, list[str]], reason: str) -> None:
    request = held(RequireApproval(), command(text, protocol="mcp"), options=options)
    assert (request.reason if request is not None else "") == reason
