"""A listener for HTTP clients."""

from hoopaddon.adapters.http.mode import HttpMode
from hoopaddon.web.server import WebInstance


class HttpInstance(WebInstance[HttpMode]):
    """Serves one `http` mode."""
