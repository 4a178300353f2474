"""A call of gRPC while its client speaks: message by message, each judged before it is sent.

Nobody can tell by its head whether a call has one message or many, in one direction or both. So a call begins with
the messages that have come, and those that follow are judged as requests of their own, to the same method: a rule
about what may be asked holds for each of them.
"""

from hoopaddon.web.answer import WebAnswer

_HEAD_BYTES = 5
"""A flag and a length (gRPC over HTTP/2, Length-Prefixed-Message)."""
_FLAGS = b"\0\1"
"""Plain and compressed; there is no other."""
_UNKNOWN = "what the client sends is no message of gRPC"
_TOO_LONG = "a message of the call is larger than what is looked into: allow=large_body would let it pass unseen"
_UNFINISHED = "the call ends in the middle of a message"


class Call:
    """The client's half of a call. Sans-IO: `feed`, then `advance` for each thing to be judged, then `take`.

    `limit_bytes` bounds a message; a longer one is refused, or passes unseen where it may.
    """

    def __init__(self, limit_bytes: int, *, may_be_unseen: bool) -> None:
        self._limit_bytes, self._may_be_unseen = limit_bytes, may_be_unseen
        self._held = bytearray()
        self._ready = b""
        self._unseen_bytes = 0
        """Of a message that passes unseen, what has not come yet."""
        self._is_over = False
        self.is_judged = False
        """Something of it has been judged, so that the call is on its way to the target."""
        self.body: bytes | None = b""
        """What is judged now: whole messages, or None for one that nobody looks into."""
        self.objection = ""
        """Why nothing of this can be judged."""
        self.refusal: WebAnswer | None = None
        """What the client is told in the place of all that would follow."""

    def feed(self, data: bytes) -> None:
        """More has come."""
        self._held += data

    def end(self) -> None:
        """Nothing follows."""
        self._is_over = True

    def advance(self) -> bool:
        """Whether there is something to be judged before anything more may be taken."""
        if self._unseen_bytes:
            self._pass_unseen()
            if self._unseen_bytes:
                return False
        if length := self._whole_bytes():
            self.body = self._cut(length)
            self._ready += self.body
            return True
        if self._held and self._held[0] not in _FLAGS:
            self._held.clear()
            return self._object(_UNKNOWN)
        if self._next_bytes() > _HEAD_BYTES + self._limit_bytes:
            return self._too_long()
        if self._is_over and self._held:
            self._held.clear()
            return self._object(_UNFINISHED)
        if self._is_over and not self.is_judged:
            self.body = b""
            return True
        return False

    def take(self) -> bytes:
        """What may be sent."""
        ready, self._ready = self._ready, b""
        return ready

    def _whole_bytes(self) -> int:
        """How much of what is held is whole messages."""
        at = 0
        while (size := self._next_bytes(at)) and self._held[at] in _FLAGS:
            if size > _HEAD_BYTES + self._limit_bytes or at + size > len(self._held):
                break
            at += size
        return at

    def _next_bytes(self, at: int = 0) -> int:
        """How long the message is that begins here; 0 while its head is not there."""
        head = self._held[at : at + _HEAD_BYTES]
        return _HEAD_BYTES + int.from_bytes(head[1:]) if len(head) == _HEAD_BYTES else 0

    def _too_long(self) -> bool:
        if not self._may_be_unseen:
            self._held.clear()
            return self._object(_TOO_LONG)
        self._unseen_bytes = self._next_bytes()
        self._pass_unseen()
        self.body = None
        return True

    def _object(self, reason: str) -> bool:
        self.objection, self.body = reason, b""
        return True

    def _pass_unseen(self) -> None:
        passing = self._cut(min(len(self._held), self._unseen_bytes))
        self._unseen_bytes -= len(passing)
        self._ready += passing

    def _cut(self, length: int) -> bytes:
        data = bytes(self._held[:length])
        del self._held[:length]
        return data
