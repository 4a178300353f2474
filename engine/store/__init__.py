"""What is kept: session files, the index derived from them, and the approvals that wait."""

from typing import TYPE_CHECKING

from hoopaddon.lazily import part

if TYPE_CHECKING:
    from hoopaddon.access.rules import Terms, read_rules
    from hoopaddon.access.scope import Scope
    from hoopaddon.store.database import StoreUnusable
    from hoopaddon.store.grants import Grant, Grants, was_given
    from hoopaddon.store.journal import Journal, JournalError
    from hoopaddon.store.keys import PublicKeys, SigningKey
    from hoopaddon.store.layout import STORE_HELP, Layout, Store, open_store, store_folder
    from hoopaddon.store.recording import Recording
    from hoopaddon.store.redact import Redacted, redact

__all__ = [
    "STORE_HELP",
    "Grant",
    "Grants",
    "Journal",
    "JournalError",
    "Layout",
    "PublicKeys",
    "Recording",
    "Redacted",
    "Scope",
    "SigningKey",
    "Store",
    "StoreUnusable",
    "Terms",
    "open_store",
    "read_rules",
    "redact",
    "store_folder",
    "was_given",
]

_MODULES = {
    "hoopaddon.access.rules": "Terms read_rules",
    "hoopaddon.access.scope": "Scope",
    "hoopaddon.store.database": "StoreUnusable",
    "hoopaddon.store.grants": "Grant Grants was_given",
    "hoopaddon.store.journal": "Journal JournalError",
    "hoopaddon.store.keys": "PublicKeys SigningKey",
    "hoopaddon.store.layout": "STORE_HELP Layout Store open_store store_folder",
    "hoopaddon.store.recording": "Recording",
    "hoopaddon.store.redact": "Redacted redact",
}


def __getattr__(name: str) -> object:
    return part(__name__, name, _MODULES)
