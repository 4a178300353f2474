"""The server's half of SCRAM, against a client of scramp's and against those who try to get past it."""

import base64

import pytest
import scramp

from hoopaddon.identity.scram import ScramVerifier
from hoopaddon.identity.scram_server import ScramFailed, ScramServer

PASSWORD = "p\u00e4ss w\u00f6rd"
VERIFIER = ScramVerifier.from_password(PASSWORD)


def exchange(password: str) -> tuple[ScramServer, scramp.ScramClient, str]:
    server, client = ScramServer(VERIFIER), scramp.ScramClient(["SCRAM-SHA-256"], "agent-7", password)
    client.set_server_first(server.first(client.get_client_first()))
    return server, client, client.get_client_final()


def test_the_right_password_is_proved_both_ways() -> None:
    server, client, final = exchange(PASSWORD)
    client.set_server_final(server.final(final))


def test_libpq_sends_no_name_and_says_that_it_could_bind_the_channel() -> None:
    assert ScramServer(VERIFIER).first("y,,n=,r=abcdefghijklmnop").startswith("r=abcdefghijklmnop")


def test_a_wrong_password_is_refused() -> None:
    server, _, final = exchange("another")
    with pytest.raises(ScramFailed, match="wrong password"):
        server.final(final)


@pytest.mark.parametrize(
    "message",
    [
        "",
        "n,,n=,r=",
        "n,,n=,r=short",
        "p=tls-server-end-point,,n=,r=abcdefghijklmnop",
        "n,a=admin,n=,r=abcdefghijklmnop",
        "n,,m=ext,n=,r=abcdefghijklmnop",
        "n,,n=,r=abcdefghijklmnop,x=1",
        "n,,n=,r=abcdefgh ijklmnop",
        "n,,n=,r=abcdefghijklmnop\n",
        "n,,n=,r=" + "a" * 600,
    ],
)
def test_a_first_message_of_another_form_is_refused(message: str) -> None:
    with pytest.raises(ScramFailed):
        ScramServer(VERIFIER).first(message)


def test_a_final_message_without_a_first_is_refused() -> None:
    proof = base64.b64encode(bytes(32)).decode()
    with pytest.raises(ScramFailed):
        ScramServer(VERIFIER).final(f"c=biws,r=,p={proof}")


@pytest.mark.parametrize(
    ("old", "new"),
    [("c=biws", "c=eSws"), (",r=", ",r=x"), (",p=", ",x=1,p="), ("c=biws,", "")],
)
def test_a_final_message_that_was_tampered_with_is_refused(old: str, new: str) -> None:
    server, _, final = exchange(PASSWORD)
    with pytest.raises(ScramFailed):
        server.final(final.replace(old, new, 1))


@pytest.mark.parametrize("proof", [bytes(32), bytes(31), b"\xff" * 32])
def test_a_made_up_proof_is_refused(proof: bytes) -> None:
    server, _, final = exchange(PASSWORD)
    signed = final.rpartition(",p=")[0]
    with pytest.raises(ScramFailed):
        server.final(f"{signed},p={base64.b64encode(proof).decode()}")
