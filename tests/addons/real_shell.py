"""A real shell in which `rm` and `ls` only note that they were called, and nothing else can be reached by name."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

TOOLS = (
    *("base64", "cat", "env", "nice", "nohup", "timeout", "stdbuf", "setsid", "xargs", "find", "tee", "sed", "awk"),
    *("perl", "python3", "tar", "git", "chmod", "sleep", "true"),
)
NOBODY = 65534
_STUB = '#!{sh}\necho "$0 $*" >> "{log}"\n'
_ELSEWHERE = "/nonexistent-for-this-test/"


def runs_rm(shell: str, line: str) -> bool:
    """Whether the shell, given this line, runs the stub of `rm`.

    Nothing can come to harm: PATH holds the stub alone, root steps down to nobody, and the paths that the line names
    as they stand do not exist.
    """
    with tempfile.TemporaryDirectory(prefix="hoopaddon-shell-") as folder:
        root = Path(folder)
        root.chmod(0o777)
        stubs, work, log = root / "bin", root / "work", root / "log"
        for made in (stubs, work):
            made.mkdir()
            made.chmod(0o777)
        log.touch()
        log.chmod(0o666)
        for name in ("rm", "ls"):
            (stubs / name).write_text(_STUB.format(sh=shutil.which("sh"), log=log))
            (stubs / name).chmod(0o755)
        for name in (*TOOLS, "sh", "bash", "dash"):
            if found := shutil.which(name):
                (stubs / name).symlink_to(found)
        user = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
        subprocess.run(
            [str(shutil.which(shell)), "-c", line.replace("-rf /", f"-rf {_ELSEWHERE}")],
            cwd=work,
            env={"PATH": str(stubs), "HOME": str(work), "LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=20,
            check=False,
            **user,  # type: ignore[call-overload]
        )
        return f"{stubs}/rm " in log.read_text() or "rm -" in log.read_text() or "ls -rf" in log.read_text()
