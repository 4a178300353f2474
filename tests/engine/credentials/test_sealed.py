"""`sealed:` credentials, and the command that makes them."""

import io
import stat
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from mitmproxy import ctx

from hoopaddon.cli import seal
from hoopaddon.credential import check_reference, is_local, resolve
from hoopaddon.errors import ConfigError
from hoopaddon.options import Options

CANARY = "s3cret that is sealed ü"


@pytest.fixture(autouse=True)
def options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Options:
    made = Options(confdir=str(tmp_path / "conf"))
    monkeypatch.setattr(ctx, "options", made, raising=False)
    return made


@pytest.fixture
def run(options: Options, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> "Run":
    return Run(options.confdir, monkeypatch, capsys)


class Run:
    """The command, with this on stdin."""

    def __init__(self, confdir: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._confdir, self._monkeypatch, self._capsys = confdir, monkeypatch, capsys

    def __call__(self, *arguments: str, stdin: str = "", code: int = 0) -> str:
        self._monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        assert seal.main([*arguments, "--confdir", self._confdir]) == code
        printed = self._capsys.readouterr()
        assert CANARY not in printed.out + printed.err
        return (printed.err if code else printed.out).strip()


def test_what_is_sealed_opens_with_the_key(run: Run, options: Options) -> None:
    run("--new-key")
    key = Path(options.confdir) / "sealing.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    reference = run(stdin=f"{CANARY}\nnot this\n")
    check_reference(reference)
    assert is_local(reference)
    assert resolve(reference).reveal() == CANARY
    assert run(stdin=CANARY) != reference


def test_keys_rotate(run: Run, options: Options) -> None:
    run("--new-key")
    old = run(stdin=CANARY)
    run("--new-key")
    assert resolve(old).reveal() == CANARY
    new = run("--renew", old)
    path = Path(options.confdir) / "sealing.key"
    path.write_text(path.read_text().splitlines()[0])
    assert resolve(new).reveal() == CANARY
    with pytest.raises(ConfigError, match="none of the keys opens it"):
        resolve(old)


def test_a_key_by_reference(run: Run, options: Options, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEALING_KEY", Fernet.generate_key().decode())
    reference = run("--key", "env:SEALING_KEY", stdin=CANARY)
    options.update(sealing_key="env:SEALING_KEY")
    assert resolve(reference).reveal() == CANARY
    options.update(sealing_key=reference)
    with pytest.raises(ConfigError, match="cannot be sealed itself"):
        resolve(reference)


@pytest.mark.parametrize("change", [lambda t: t[:-6] + "AAAA==", lambda t: t[:30] + "x" + t[31:]])
def test_what_was_changed_does_not_open(run: Run, change: "object") -> None:
    run("--new-key")
    reference = run(stdin=CANARY)
    assert callable(change)
    with pytest.raises(ConfigError, match="none of the keys opens it"):
        resolve(change(reference))


@pytest.mark.parametrize("place", ["hunter2", "gAAAAAB", "A" * 120, "ü" * 120, "gAAAAA\0" + "A" * 120])
def test_what_was_never_sealed_is_said_without_quoting_it(place: str) -> None:
    with pytest.raises(ConfigError, match="nothing that was sealed") as raised:
        check_reference(f"sealed:{place}", key="password")
    assert place not in str(raised.value)


def test_a_key_that_others_can_read_is_not_used(run: Run, options: Options) -> None:
    run("--new-key")
    reference = run(stdin=CANARY)
    path = Path(options.confdir) / "sealing.key"
    path.chmod(0o640)
    with pytest.raises(ConfigError, match="others can read"):
        resolve(reference)
    path.write_text("not a key")
    path.chmod(0o600)
    with pytest.raises(ConfigError, match="no Fernet keys"):
        resolve(reference)


def test_mistakes_are_said(run: Run) -> None:
    assert "there is no key to open it with" in run(stdin=CANARY, code=2)
    run("--new-key")
    assert "there is no secret to seal" in run(stdin="\n", code=2)
    assert "longer than any secret" in run(stdin="x" * 70_000, code=2)
    assert "nothing that was sealed" in run("--renew", "env:A", code=2)
    assert "leave out --key" in run("--new-key", "--key", "env:A", code=2)
