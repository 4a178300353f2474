"""What is kept: session files, the index derived from them, and the approvals that wait."""

from hoopaddon.store.journal import Journal, JournalError
from hoopaddon.store.keys import PublicKeys, SigningKey
from hoopaddon.store.layout import STORE_HELP, Layout, Store, open_store, store_folder
from hoopaddon.store.recording import Recording
from hoopaddon.store.redact import Redacted, redact

__all__ = [
    "STORE_HELP",
    "Journal",
    "JournalError",
    "Layout",
    "PublicKeys",
    "Recording",
    "Redacted",
    "SigningKey",
    "Store",
    "open_store",
    "redact",
    "store_folder",
]
