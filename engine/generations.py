"""A bounded cache that costs one dictionary look-up where it hits."""


class Generations[Value]:
    """Keeps what was used lately, within a number of entries and of bytes.

    Two dictionaries: when the young one is full it becomes the old one, and the old one is dropped, so what was not
    asked for during a whole generation is forgotten. An exact LRU would move an entry at every hit.
    """

    def __init__(self, entries: int, limit_bytes: int) -> None:
        self._entries = entries
        self._limit_bytes = limit_bytes
        self._young: dict[str, tuple[Value, int]] = {}
        self._old: dict[str, tuple[Value, int]] = {}
        self._bytes = 0

    def get(self, key: str) -> Value | None:
        if entry := self._young.get(key):
            return entry[0]
        if entry := self._old.pop(key, None):
            self.put(key, *entry)
            return entry[0]
        return None

    def put(self, key: str, value: Value, weight_bytes: int) -> None:
        """Keep a value. One that would take an eighth of the room is not kept."""
        if weight_bytes > self._limit_bytes // 8:
            return
        if len(self._young) >= self._entries // 2 or self._bytes + weight_bytes > self._limit_bytes // 2:
            self._old, self._young, self._bytes = self._young, {}, 0
        self._young[key] = (value, weight_bytes)
        self._bytes += weight_bytes

    def clear(self) -> None:
        self._young, self._old, self._bytes = {}, {}, 0

    def __len__(self) -> int:
        return len(self._young) + len(self._old)
