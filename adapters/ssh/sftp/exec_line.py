"""Which command lines begin a conversation about files."""

from dataclasses import dataclass
from typing import Final

from hoopaddon.adapters.ssh.sftp.scp_line import ScpLine, scp_line_of
from hoopaddon.commands import ShellCommand
from hoopaddon.errors import Unparsable

_SFTP_SERVER: Final = "sftp-server"
_NAMES: Final = ("scp", _SFTP_SERVER)


@dataclass(frozen=True, slots=True)
class SftpLine:
    """It runs an SFTP server, as `sftp -s PATH` asks for."""


def transfer_of(command: ShellCommand) -> ScpLine | SftpLine | None:
    """What the line begins; None for one that is about something else.

    Raises `Unparsable` where it begins one that cannot be followed, or where that cannot be ruled out.
    """
    try:
        programs = command.programs
    except Unparsable:
        if any(name in command.text for name in _NAMES):
            raise
        return None
    scp = scp_line_of(programs)
    servers = [program for program in programs if program.name == _SFTP_SERVER]
    if len(servers) + (scp is not None) > 1:
        raise Unparsable("more than one transfer of files in one command line")
    return SftpLine() if servers else scp
