"""Imports mitmproxy, quietly, before anything else of the kit does.

mitmproxy and what it imports call other packages by deprecated names. A test suite that turns warnings into errors
could not import the kit otherwise.
"""

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import mitmproxy.master  # noqa: F401
