"""`sealed:…`: a credential in the configuration itself, encrypted with a key that is kept apart (Fernet)."""

import base64
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from mitmproxy import ctx

from hoopaddon.credential import Credential, Secret, resolve
from hoopaddon.credentials.local import fetched
from hoopaddon.errors import ConfigError
from hoopaddon.options import DEFAULT_CONFDIR
from hoopaddon.private_file import read_private, write_private

SCHEME = "sealed"
KEY_FILE = "sealing.key"
"""In confdir: one key a line, the newest first. That one seals, all of them open."""
VERSION, LEAST_BYTES = 0x80, 73
"""What a token begins with, and how long it is with one block of text (the specification of Fernet)."""
_KEY_HINT = "hoopaddon seal --new-key makes one"


class SealedProvider:
    """See the module. The key is in confdir, or where the option `sealing_key` refers to."""

    def check(self, place: str) -> None:
        """See `Provider`."""
        try:
            token = base64.b64decode(place, altchars=b"-_", validate=True)
        except ValueError:
            token = b""
        if len(token) < LEAST_BYTES or token[0] != VERSION:
            raise ConfigError("is nothing that was sealed", hint="hoopaddon seal makes it")

    def read(self, place: str) -> Credential:
        """See `LocalProvider`."""
        self.check(place)
        confdir, reference = DEFAULT_CONFDIR, ""
        if hasattr(ctx, "options"):
            confdir, reference = ctx.options.confdir, ctx.options.sealing_key
        return Credential(Secret(unseal(place, keys(confdir, reference))))

    async def fetch(self, place: str) -> Credential:
        """See `Provider`."""
        return fetched(self, place)


def keys(confdir: str, reference: str = "") -> MultiFernet:
    """The keys that there are. Raises `ConfigError`."""
    path = Path(confdir).expanduser() / KEY_FILE
    if reference:
        if reference.partition(":")[0] == SCHEME:
            raise ConfigError("cannot be sealed itself", key="sealing_key", hint="write env:NAME or file:PATH")
        text = resolve(reference, key="sealing_key").reveal()
    else:
        try:
            text = read_private(path).decode("ascii", "replace")
        except FileNotFoundError:
            raise ConfigError("there is no key to open it with", file=str(path), hint=_KEY_HINT) from None
    try:
        return MultiFernet([Fernet(line) for line in text.split()])
    except ValueError:
        raise ConfigError("holds no Fernet keys", file=reference or str(path), hint=_KEY_HINT) from None


def add_key(confdir: str) -> Path:
    """Make a new key, which seals from now on; what older ones have sealed still opens. Raises `ConfigError`."""
    path = Path(confdir).expanduser() / KEY_FILE
    try:
        before = read_private(path)
    except FileNotFoundError:
        before = b""
    write_private(path, Fernet.generate_key() + b"\n" + before)
    return path


def seal(secret: str, by: MultiFernet) -> str:
    """The reference that stands for the secret."""
    return f"{SCHEME}:{by.encrypt(secret.encode()).decode()}"


def renew(reference: str, by: MultiFernet) -> str:
    """The same secret, sealed with the newest key. Raises `ConfigError`."""
    scheme, _, place = reference.partition(":")
    if scheme != SCHEME:
        raise ConfigError("is nothing that was sealed", hint="write sealed:… as hoopaddon seal has printed it")
    return seal(unseal(place, by), by)


def unseal(place: str, by: MultiFernet) -> str:
    """The secret. Raises `ConfigError`."""
    try:
        return by.decrypt(place).decode()
    except (InvalidToken, UnicodeDecodeError):
        hint = "seal it again with hoopaddon seal, or bring back the key that it was sealed with"
        raise ConfigError("none of the keys opens it", hint=hint) from None
