"""No way to write a request hides what it asks for: it is seen, or the request is refused as unreadable."""

import pytest

from hoopaddon import Unparsable
from hoopaddon.adapters.http.command import HttpRequest
from hoopaddon.addons.block_destructive import BlockDestructive
from hoopaddon.testing import judge
from tests.adapters.http.evasions import AMOUNTS, DELETES, MUTATIONS, Evasion
from tests.adapters.http.requests import sent, unparsable


def command(evasion: Evasion) -> HttpRequest:
    return sent(evasion.line, evasion.body, evasion.media, evasion.fields)


def test_the_collections_are_large_enough() -> None:
    assert all(len({e.name for e in table}) == len(table) for table in (AMOUNTS, DELETES, MUTATIONS))
    assert len(AMOUNTS) + len(DELETES) + len(MUTATIONS) >= 130


@pytest.mark.parametrize("evasion", AMOUNTS, ids=str)
def test_an_amount_is_seen(evasion: Evasion) -> None:
    found = command(evasion)
    if evasion.refused:
        with pytest.raises(Unparsable):
            found.values("amount")
    else:
        assert max(int(value) for value in found.values("amount")) == 900


@pytest.mark.parametrize("evasion", DELETES, ids=str)
def test_a_delete_is_seen(evasion: Evasion) -> None:
    found = command(evasion)
    assert bool(unparsable(found)) == evasion.refused
    if not evasion.refused:
        assert ("delete", "/users") in found.calls
        assert "delete" in found.verbs
        assert "/users" in found.objects


@pytest.mark.parametrize("evasion", MUTATIONS, ids=str)
def test_a_mutation_is_seen(evasion: Evasion) -> None:
    found = command(evasion)
    assert bool(unparsable(found)) == evasion.refused
    if not evasion.refused:
        assert "graphql:mutation" in found.verbs
        assert any("deleteUser" in operation.fields for operation in found.operations)


@pytest.mark.parametrize("evasion", [*DELETES, *MUTATIONS], ids=str)
def test_block_destructive_refuses_it(evasion: Evasion) -> None:
    assert not judge(BlockDestructive(), command(evasion)).passes
