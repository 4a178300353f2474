"""Files are written below the own home folder and /tmp only, by command lines and over SFTP.

hoopaddon -s no_writes_outside_home.py --set writable=/srv/upload

Of a command line this sees redirections and the programs that it knows; let the target's file rights do the rest.
"""

import posixpath
from collections.abc import Iterable, Sequence

from hoopaddon import FileOperation, Loader, Refused, ShellCommand, ctx
from hoopaddon.hazards import written

READS = frozenset({"read", "stat", "list", "readlink", "realpath"})
DEVICES = ("/dev/null", "/dev/stdout", "/dev/stderr")


class NoWritesOutsideHome:
    def load(self, loader: Loader) -> None:
        loader.add_option("writable", Sequence[str], [], "Further folders below which files may be written.")

    def ssh_exec(self, command: ShellCommand) -> None:
        for program in command.programs:
            self.check(written(program), command.session.user.subject)

    ssh_input = ssh_exec

    def sftp_operation(self, command: FileOperation) -> None:
        if not command.verbs <= READS:
            self.check(filter(None, (command.path, command.new_path)), command.session.user.subject)

    def check(self, paths: Iterable[str], user: str) -> None:
        allowed = (f"/home/{user}/", "~/", "/tmp/", *(f"{folder.rstrip('/')}/" for folder in ctx.options.writable))  # noqa: S108 - where everybody may write
        for path in map(posixpath.normpath, paths):
            outside = path.startswith(("/", "~")) and not path.startswith(allowed)
            if path not in DEVICES and (outside or path.startswith("..") or "…" in path):
                raise Refused(f"{path} is outside your home folder")


addons = [NoWritesOutsideHome()]
