"""Say in every statement who sent it, so that it shows in `pg_stat_activity` and in the server's log.

hoopaddon -s tag_queries.py
"""

import re

from hoopaddon import Command

# A subject comes from a token: it must not be able to end the comment and go on as SQL.
UNSAFE = re.compile(r"[^A-Za-z0-9_.@+-]")


def command(command: Command) -> None:
    subject = UNSAFE.sub("_", command.session.user.subject)
    tag = f"/* user={subject} session={command.session.id} */ "
    # The rewritten text is judged again, by this policy too.
    if not command.text.startswith(tag):
        command.rewrite(tag + command.text)
