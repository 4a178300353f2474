"""An observer: it sees what the client will see, after all other policies, and can change nothing.

    hoopaddon -s mask_pii.py -s columns_read.py

Here it logs, at the end of a session, which columns a user has read and in how many rows.
"""

import logging
from collections import Counter

from hoopaddon import Addon, Rows, Session

logger = logging.getLogger("columns_read")
READ = "columns_read"


class ColumnsRead(Addon):
    observer = True

    def rows(self, rows: Rows) -> None:
        read: Counter[str] = rows.command.session.vars.setdefault(READ, Counter())
        for column in rows.columns:
            read[f"{column.table}.{column.source}" if column.table else column.name] += len(rows)

    def session_end(self, session: Session) -> None:
        for column, count in sorted(session.vars.pop(READ, {}).items()):
            logger.info("%s read %s in %d rows", session.user.subject, column, count)


addons = [ColumnsRead()]
