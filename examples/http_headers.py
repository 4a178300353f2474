"""A script as mitmproxy's users write them; on an HTTP target it runs as it is.

    hoopaddon -s http_headers.py --mode reverse:http://127.0.0.1:8000@8080

Other than in mitmproxy, a request does not go out when `request` raises.
"""

from typing import Any

HIDDEN = ("server", "x-powered-by")


def request(flow: Any) -> None:
    flow.request.headers["x-forwarded-by"] = "hoopaddon"
    if flow.request.path.startswith("/admin"):
        flow.kill()


def response(flow: Any) -> None:
    for name in HIDDEN:
        flow.response.headers.pop(name, None)
