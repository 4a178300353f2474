import json
import os
import subprocess
import time

from tests.addons.test_record_ssh import hoopaddon, journal


def test_x(sshd, ssh_gateway):
    gateway = ssh_gateway(
        sshd,
        scripts=["block_destructive.py", "require_approval.py", "record.py"],
        options={"approval_verbs": "touch", "approval_within": "2s"},
    )
    client = subprocess.Popen(
        gateway.arguments(options=["-tt"]), env=gateway.environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )

    def until(text):
        seen = b""
        while text not in seen:
            p = os.read(client.stdout.fileno(), 4096)
            assert p, seen
            seen += p
        return seen

    def typ(b):
        client.stdin.write(b)
        client.stdin.flush()

    typ(b"PS1='ready''> '\r")
    until(b"ready> ")
    typ(b"echo one\r")
    until(b"ready> ")
    typ(b"mkfs.ext4 /dev/sdz9\r")
    print(until(b"ready> "))
    typ(b"touch /tmp/x-never\r")
    print(until(b"within"))
    time.sleep(1)
    typ(b"read -rs -p 'Pass''word: ' secret; echo thank''s\r")
    until(b"Password: ")
    typ(b"correct-horse\r")
    print(until(b"ready> "))
    typ(b"exit\r")
    time.sleep(0.5)
    client.stdin.close()
    print(client.wait(20))
    client.stdout.close()
    path, events = journal(gateway)
    for e in events:
        e.pop("prev", None)
        e.pop("trace", None)
        print(json.dumps(e)[:300])
    print(hoopaddon(gateway, "sessions", "show", path.stem))
    print(repr(hoopaddon(gateway, "sessions", "replay", path.stem)))
    assert "correct-horse" not in path.read_text()
    print(gateway.log())
