"""Somebody of the group `dba` has to approve deletes on production; two of them, where a table goes.

    hoopaddon -s approve_prod_deletes.py

Production is any target with the label `env: prod`.
"""

from hoopaddon import Command

DESTROYS = frozenset({"drop", "truncate"})


class ApproveProdDeletes:
    async def command(self, command: Command) -> None:
        if command.session.target.labels.get("env") != "prod":
            return
        if found := command.verbs & DESTROYS:
            await command.approve(f"{', '.join(sorted(found))} on production", by=["dba"], count=2, within_s=900)
        elif "delete" in command.verbs:
            await command.approve("delete on production", by=["dba"], within_s=300)


addons = [ApproveProdDeletes()]
