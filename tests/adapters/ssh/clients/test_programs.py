"""OpenSSH's programs, rsync and git: the same bytes, statuses and errors as without the gateway."""

import hashlib
import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.adapters.ssh.clients.conftest import Way
from tests.servers.missing import program
from tests.servers.ssh import SshGateway

type Done = subprocess.CompletedProcess[bytes]

MEGABYTES = 24


def tree(folder: Path) -> dict[str, tuple[int, str]]:
    """What is in a folder: each file's mode and contents."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and ".git" not in path.parts]
    return {
        str(path.relative_to(folder)): (path.stat().st_mode, hashlib.sha256(path.read_bytes()).hexdigest())
        for path in files
    }


def sample(folder: Path) -> Path:
    """Some files to carry about."""
    source = folder / "source"
    (source / "deeper folder").mkdir(parents=True)
    (source / "empty").touch()
    (source / "noise").write_bytes(os.urandom(3_000_001))
    (source / "deeper folder" / "naïve name.txt").write_text("with words\n")
    (source / "script").write_text("#!/bin/sh\n")
    (source / "script").chmod(0o755)
    return source


def said(done: Done) -> tuple[int, bytes, bytes]:
    return done.returncode, done.stdout, done.stderr


COMMANDS = [
    "echo out; echo err >&2; exit 7",
    "cat; cat >&2 </dev/null",
    "head -c 5000000 /dev/zero | tr '\\0' '\\377'",
    "printf '\\303'; sleep 0.1; printf '\\251\\200'",
    "no-such-program",
    "kill -TERM $$",
    "exec >&-; echo to nobody; exit 4",
    "",
    'echo "$LANG|$LC_ALL|$HOME|$SHLVL"; pwd; umask; ulimit -n; tty',
    'while read line; do echo "<$line>"; done',
    "for n in $(seq 300); do echo $n; echo $n >&2; done",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_ssh_runs_commands(ways: Sequence[Way], command: str) -> None:
    stdin = b"first\nsecond\xff\n" * 1000
    direct, through = (said(way.run("ssh", "CONFIG", "target", command, stdin=stdin)) for way in ways)
    assert through == direct


def test_ssh_runs_a_script_in_a_shell_without_a_terminal(ways: Sequence[Way]) -> None:
    script = b'cd /\npwd\necho err >&2\nread line\nthis is read\necho "<$line>"\nexit 5\n'
    direct, through = (said(way.run("ssh", "CONFIG", "-T", "target", stdin=script)) for way in ways)
    assert through == direct
    assert through[0] == 5


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder for a socket, whose path may not be long."""
    with TemporaryDirectory(prefix="h-") as name:
        yield Path(name)


def test_many_commands_over_one_connection(through: Way, short: Path) -> None:
    master = f"-oControlPath={short}/control"
    started = through.run("ssh", "CONFIG", "-fNM", master, "target")
    assert started.returncode == 0
    try:
        for number in range(20):
            done = through.run("ssh", "CONFIG", master, "target", f"echo {number}; exit {number}")
            assert (done.returncode, done.stdout) == (number, f"{number}\n".encode())
    finally:
        through.run("ssh", "CONFIG", master, "-O", "exit", "target")


def test_keys_are_changed_in_the_middle(through: Way) -> None:
    noise = os.urandom(3_000_000)
    done = through.run("ssh", "CONFIG", "-oRekeyLimit=100K", "target", "cat", stdin=noise)
    assert done.stdout == noise
    assert done.returncode == 0


def test_a_silent_client_is_kept_alive(through: Way) -> None:
    done = through.run("ssh", "CONFIG", "-oServerAliveInterval=1", "target", "sleep 3; echo still here")
    assert done.stdout == b"still here\n"


@pytest.mark.parametrize("protocol", ["-O", "-s"])
def test_scp_carries_files_both_ways(through: Way, tmp_path: Path, protocol: str) -> None:
    source = sample(tmp_path)
    there, back = tmp_path / "there", tmp_path / "back"
    there.mkdir()
    sent = through.run("scp", "CONFIG", protocol, "-rp", source, f"target:{there}/copy")
    assert said(sent) == (0, b"", b"")
    assert tree(there / "copy") == tree(source)
    fetched = through.run("scp", "CONFIG", protocol, "-rp", f"target:{source}", back)
    assert said(fetched) == (0, b"", b"")
    assert tree(back) == tree(source)


@pytest.mark.parametrize("protocol", ["-O", "-s"])
def test_scp_complains_as_it_does_directly(ways: Sequence[Way], tmp_path: Path, protocol: str) -> None:
    missing, folder = f"target:{tmp_path}/nowhere/x", f"target:{tmp_path}/missing"
    (tmp_path / "file").write_text("x")
    for arguments in ([folder, str(tmp_path / "copy")], [str(tmp_path / "file"), missing]):
        direct, through = (said(way.run("scp", "CONFIG", protocol, *arguments)) for way in ways)
        assert through == direct
        assert through[0] != 0


@pytest.mark.parametrize("protocol", ["-O", "-s"])
def test_a_big_file_arrives_whole_and_costs_no_memory(
    looking_ssh: SshGateway, through: Way, tmp_path: Path, protocol: str
) -> None:
    megabytes = int(os.environ.get("HOOPADDON_SCP_MEGABYTES", MEGABYTES))
    source, copy = tmp_path / "source", tmp_path / "copy"
    digest = hashlib.sha256()
    with source.open("wb") as file:
        for _ in range(megabytes):
            block = os.urandom(1 << 20)
            digest.update(block)
            file.write(block)
    through.run("scp", "CONFIG", protocol, source, f"target:{copy}")
    copy.unlink()
    before = resident_bytes(looking_ssh.pid)
    for arguments in ([str(source), f"target:{copy}"], [f"target:{copy}", f"{copy}.back"]):
        assert said(through.run("scp", "CONFIG", protocol, *arguments)) == (0, b"", b"")
    assert hashlib.sha256(Path(f"{copy}.back").read_bytes()).hexdigest() == digest.hexdigest()
    assert resident_bytes(looking_ssh.pid) - before < 16 << 20
    for path in (source, copy, Path(f"{copy}.back")):
        path.unlink()


def resident_bytes(pid: int) -> int:
    pages = Path(f"/proc/{pid}/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def test_sftp_does_what_it_does_directly(ways: Sequence[Way], tmp_path: Path) -> None:
    source = sample(tmp_path)
    outcomes = []
    for way in ways:
        there = tmp_path / way.name
        there.mkdir()
        batch = "\n".join(
            [
                f"put -p {source}/noise {there}/noise",
                f"put -R {source} {there}/all",
                f"rename {there}/noise {there}/renamed",
                f"symlink renamed {there}/link",
                f"chmod 640 {there}/renamed",
                f"mkdir {there}/made",
                f"rmdir {there}/made",
                f"cd {there}",
                "ls -1",
                f"-get nowhere {there}/x",
                f"get renamed {there}/again",
                "rm again",
                "pwd",
                "",
            ]
        )
        done = way.run("sftp", "CONFIG", "-q", "-oBatchMode=no", "-b", "-", "target", stdin=batch.encode())
        shown = tuple(text.replace(str(there).encode(), b"THERE") for text in (done.stdout, done.stderr))
        outcomes.append((done.returncode, shown, tree(there)))
    assert outcomes[1] == outcomes[0]
    assert outcomes[0][0] == 0


def test_rsync_makes_and_updates_a_copy(ways: Sequence[Way], tmp_path: Path) -> None:
    program("rsync")
    source = sample(tmp_path)
    outcomes = []
    for way in ways:
        there = tmp_path / way.name
        first = way.run("rsync", "-ai", "-e", way.ssh, f"{source}/", f"target:{there}/")
        with (there / "noise").open("r+b") as file:
            file.seek(1_000_000)
            file.write(b"changed")
        os.utime(there / "noise", (1, 1))
        second = way.run("rsync", "-ai", "--delete", "-e", way.ssh, f"{source}/", f"target:{there}/")
        back = way.run("rsync", "-a", "-e", way.ssh, f"target:{there}/", f"{there}-back/")
        runs = [
            (done.returncode, done.stdout.replace(str(there).encode(), b"THERE"), done.stderr)
            for done in (first, second, back)
        ]
        outcomes.append((runs, tree(there), tree(Path(f"{there}-back"))))
    assert outcomes[1] == outcomes[0]
    assert outcomes[1][1] == tree(source)


def test_git_clones_and_pushes(through: Way, tmp_path: Path) -> None:
    program("git")
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    bare, clone = tmp_path / "bare.git", tmp_path / "clone"

    def git(*arguments: str | Path, cwd: Path = tmp_path) -> bytes:
        done = through.run("git", *identity, *arguments, cwd=cwd, environment={"GIT_SSH_COMMAND": through.ssh})
        assert done.returncode == 0, done.stderr
        return done.stdout

    git("init", "-q", "--bare", "-b", "main", bare)
    git("clone", "-q", f"target:{bare}", clone)
    (clone / "noise").write_bytes(os.urandom(1_000_000))
    git("add", ".", cwd=clone)
    git("commit", "-q", "-m", "first", cwd=clone)
    git("push", "-q", "origin", "HEAD:main", cwd=clone)
    git("clone", "-q", f"target:{bare}", tmp_path / "second")
    assert tree(tmp_path / "second") == tree(clone)
    assert git("fetch", "-q", cwd=clone) == b""
