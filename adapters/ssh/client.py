"""How ssh, and whatever runs it (scp, sftp, rsync, git), reaches a target through the gateway."""

import getpass
import shlex
from collections.abc import Mapping

from hoopaddon.adapters.ssh.login import host_key
from hoopaddon.clients import Client, PrivateFolder, Way
from hoopaddon.errors import ConfigError


class SshClients:
    """To these programs the target is a host of its own name."""

    programs = ("ssh", "scp", "sftp", "rsync", "git")

    def takes_token(self, address: str, settings: Mapping[str, str]) -> bool:
        return "user" in settings

    def string(self, way: Way) -> str:
        return f"ssh://{way.target}@{way.authority_part}"

    def client(self, way: Way, folder: PrivateFolder) -> Client:
        lines = [f"HostName {way.host}", f"Port {way.port}", *_known(way, folder)]
        found: dict[str, str | None] = {}
        if way.shares and not way.token:
            lines.append(f"User {getpass.getuser()}+{way.target}")
        if way.token:
            lines += [f"User {way.target}", *_BY_PASSWORD]
            token = shlex.quote(str(folder.write("token", f"{way.token}\n")))
            # Whatever else is asked, such as whether an unknown host may be trusted, is not answered.
            asked = folder.script("askpass", f"case $1 in *[Tt]oken*|*[Pp]assword*) exec cat {token} ;; esac\nexit 1")
            found |= {"SSH_ASKPASS": str(asked), "SSH_ASKPASS_REQUIRE": "force"}
        config = folder.write("config", f"Host {way.target}\n" + "".join(f"    {line}\n" for line in lines))
        for program in ("ssh", "scp", "sftp"):
            found["PATH"] = folder.stand_in(program, "-F", str(config))
        return Client(("ssh", way.target), found)


_BY_PASSWORD = (
    *("PreferredAuthentications keyboard-interactive,password", "PubkeyAuthentication no"),
    *("NumberOfPasswordPrompts 1", "IdentityAgent none", "ControlMaster no", "ControlPath none"),
)


def _known(way: Way, folder: PrivateFolder) -> list[str]:
    """On the gateway's machine its key is at hand; elsewhere the user's own list of known hosts counts."""
    if way.confdir is None or not (way.confdir / host_key.FILE).exists():
        return []
    try:
        key = host_key.load_or_create(way.confdir).export_public_key("openssh").decode().strip()
    except ConfigError:
        return []
    host = f"[{way.host}]:{way.port}" if way.port != 22 else way.host
    known = str(folder.write("known_hosts", f"{host} {key}\n")).replace("%", "%%")
    return [f'UserKnownHostsFile "{known}"', "GlobalKnownHostsFile none", "StrictHostKeyChecking yes"]
