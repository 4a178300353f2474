"""A replay keeps time, and does what its keys say."""

from collections.abc import Iterator

import pytest

from hoopaddon.cli.player import Key, Pace, Player
from hoopaddon.cli.takes import Frame


class Watcher:
    """Time that passes at once; keys that are pressed at these moments."""

    def __init__(self, *presses: tuple[float, Key]) -> None:
        self.time = 0.0
        self.presses = list(presses)
        self.waits: list[float | None] = []

    def now(self) -> float:
        return self.time

    def wait(self, seconds: float | None) -> Key | None:
        self.waits.append(seconds)
        if self.presses and (seconds is None or self.presses[0][0] <= self.time + seconds):
            at, key = self.presses.pop(0)
            self.time = max(at, self.time)
            return key
        assert seconds is not None, "it waits for ever"
        self.time += seconds
        return None


def played(watcher: Watcher, *frames: Frame, pace: Pace | None = None) -> list[tuple[float, str]]:
    """What was written, and when; without what puts the terminal right."""
    written: list[tuple[float, str]] = []

    def opened() -> Iterator[Frame]:
        return iter(frames)

    player = Player(opened, lambda text: written.append((round(watcher.time, 3), text)), watcher, pace or Pace())
    player.play(tidy=False)
    return [(at, "CLEAR" if "\x1b[2J" in text else text) for at, text in written]


FRAMES = (Frame(0.5, "a"), Frame(1.0, size=(100, 30)), Frame(10.0, "b"), Frame(12.25, "c"))


def test_everything_comes_in_its_time() -> None:
    assert played(Watcher(), *FRAMES) == [(0.5, "a"), (10.0, "b"), (12.25, "c")]


def test_speed_and_silence_are_as_asked() -> None:
    assert played(Watcher(), *FRAMES, pace=Pace(4.0)) == [(0.125, "a"), (2.5, "b"), (3.062, "c")]
    assert played(Watcher(), *FRAMES, pace=Pace(2.0, 2.0)) == [(0.25, "a"), (1.5, "b"), (2.5, "c")]


def test_from_shows_at_once_what_was_before() -> None:
    assert played(Watcher(), *FRAMES, pace=Pace(start_s=11.0)) == [(0.0, "a"), (0.0, "b"), (1.25, "c")]
    assert played(Watcher(), *FRAMES, pace=Pace(start_s=99.0)) == [(0.0, "a"), (0.0, "b"), (0.0, "c")]


def test_a_pause_lasts_until_it_is_ended() -> None:
    watcher = Watcher((2.0, Key.PAUSE), (100.0, Key.PAUSE))
    assert played(watcher, *FRAMES) == [(0.5, "a"), (108.0, "b"), (110.25, "c")]
    assert None in watcher.waits


def test_it_can_be_quit_at_any_time() -> None:
    assert played(Watcher((2.0, Key.QUIT)), *FRAMES) == [(0.5, "a")]
    assert played(Watcher((2.0, Key.PAUSE), (3.0, Key.QUIT)), *FRAMES) == [(0.5, "a")]


def test_forward_jumps() -> None:
    assert played(Watcher((2.0, Key.FORWARD)), *FRAMES) == [(0.5, "a"), (5.0, "b"), (7.25, "c")]
    assert played(Watcher((2.0, Key.FAR_FORWARD)), *FRAMES) == [(0.5, "a"), (2.0, "b"), (2.0, "c")]


def test_back_shows_it_anew_from_there() -> None:
    # At 11 s, five seconds back: the screen of 6 s, and on.
    assert played(Watcher((11.0, Key.BACK)), *FRAMES) == [
        (0.5, "a"),
        (10.0, "b"),
        (11.0, "CLEAR"),
        (11.0, "a"),
        (15.0, "b"),
        (17.25, "c"),
    ]
    assert played(Watcher((2.0, Key.FAR_BACK)), *FRAMES)[:3] == [(0.5, "a"), (2.0, "CLEAR"), (2.5, "a")]


@pytest.mark.parametrize(("key", "end"), [(Key.FASTER, 6.0), (Key.SLOWER, 18.0)])
def test_the_speed_can_be_changed(key: Key, end: float) -> None:
    assert played(Watcher((2.0, key)), *FRAMES)[1] == (end, "b")


def test_the_terminal_is_put_right_whatever_happens() -> None:
    written: list[str] = []

    def opened() -> Iterator[Frame]:
        yield Frame(0.0, "\x1b[?1049h\x1b[31m")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Player(opened, written.append, Watcher(), Pace()).play()
    assert written[-1].startswith("\x1b[?1049l")
    assert "\x1b[0m" in written[-1]
