"""What mask_pii makes of programs' output and of terminals."""

import pytest

from hoopaddon import Output
from hoopaddon.addons.mask_pii import MaskPII
from hoopaddon.testing import Bench, command, output


@pytest.mark.parametrize("kind", ["stdout", "stderr", "terminal"])
def test_a_key_that_comes_in_pieces_is_hidden(kind: str) -> None:
    ssh = command("cat id_ed25519", protocol="ssh")
    with Bench(MaskPII()) as bench:
        seen = [
            bench.output(Output(ssh.session, kind, text, ssh))
            for text in ("-----BEGIN PRIVATE KEY-----\n", "MC4CAQAwBQYDK2Vw\n", "-----END PRIVATE KEY-----\n", "ok\n")
        ]
    assert "MC4C" not in "".join(seen)
    assert seen[3] == "ok\n"


def test_an_address_that_is_coloured_is_hidden() -> None:
    assert output(MaskPII(), "a\x1b[1m@\x1b[0mexample.com", "terminal") == "[email]\x1b[1m\x1b[0m"


def test_a_terminal_says_how_wide_it_is() -> None:
    ssh = command("top", protocol="ssh")
    with Bench(MaskPII()) as bench:
        bench.output(Output(ssh.session, "resize", "20x24", ssh))
        seen = bench.output(Output(ssh.session, "terminal", "012345678 ann@exampl\r\ne.com\r\n", ssh))
    assert seen == "012345678 [email]\r\n\r\n"


def test_lines_of_json_are_masked_behind_escapes() -> None:
    assert output(MaskPII(), '{"a": "ann\\u0040example.com"}\nx\n', "stdout") == '{"a": "[email]"}\nx\n'
