"""What it means for the traffic when a hook of mitmproxy's refuses or breaks, hook by hook.

mitmproxy's own dispatch logs the error and goes on. Here, each hook has one row in `FAILURES`; a hook that is
not in the table cuts its connection, and a test fails when mitmproxy has a hook that is not in the table.
"""

import asyncio
import json
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from mitmproxy import dns, flow, http
from mitmproxy.net.dns import response_codes

from hoopaddon.errors import HoopaddonError, Refused

SWITCHING_PROTOCOLS = 101


class ConnectionCut(HoopaddonError):
    """The connection that this hook was about has to end, and no byte of it may pass any more."""


def pass_cancellation_on(error: BaseException) -> None:
    """Raise a cancellation that this task was asked for: it is no failure of the policy that it meets."""
    task = asyncio.current_task()
    if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
        raise error


answers: WeakKeyDictionary[flow.Flow, http.Response | dns.DNSMessage] = WeakKeyDictionary()
"""The answers that stand in for what a policy refused, or broke on."""


def is_refused(subject: flow.Flow) -> bool:
    """Whether a policy has refused this flow, or broken on it."""
    return subject in answers


def keep_answer(subject: flow.Flow) -> None:
    """Put a refused flow's answer back, whatever a later hook has made of it, and hold it no longer."""
    answer = answers.get(subject)
    if answer is None:
        return
    subject.resume()
    if isinstance(subject, http.HTTPFlow | dns.DNSFlow):
        subject.response = answer.copy()


def withhold(subject: flow.Flow, answer: http.Response | dns.DNSMessage) -> None:
    """Let this be all that the client is told, now and whatever a later hook does."""
    answers[subject] = answer
    keep_answer(subject)


def end_connection(subject: http.HTTPFlow) -> None:
    """Say in the answer that the connection ends with it, since the rest of the request is not read."""
    for answer in (answers.get(subject), subject.response):
        if isinstance(answer, http.Response):
            answer.headers["connection"] = "close"


def problem(status: int, title: str, detail: str = "", policy: str = "", *, bodiless: bool = False) -> http.Response:
    """An answer in the form of RFC 9457 (problem details), without a detail where there is nothing safe to say."""
    about: dict[str, Any] = {"type": "about:blank", "title": title, "status": status}
    if detail:
        about["detail"] = detail
    if policy:
        about["policy"] = policy
    body = b"" if bodiless else json.dumps(about).encode()
    return http.Response.make(status, body, {"content-type": "application/problem+json"})


def _answer(subject: http.HTTPFlow, refusal: Refused | None, policy: str) -> None:
    bodiless = subject.request.method == "HEAD"
    answer = (
        problem(403, "Forbidden", refusal.reason, policy, bodiless=bodiless)
        if refusal
        else problem(502, "Bad Gateway", bodiless=bodiless)
    )
    switched = subject.response is not None and subject.response.status_code == SWITCHING_PROTOCOLS
    subject.request.stream = False
    withhold(subject, answer)
    if switched:
        # The target no longer speaks HTTP on this connection.
        raise ConnectionCut from None


def _refuse_name(subject: dns.DNSFlow, _refusal: Refused | None, _policy: str) -> None:
    withhold(subject, subject.request.fail(response_codes.REFUSED))


def _refuse_client(subject: Any, refusal: Refused | None, _policy: str) -> None:
    subject.error = refusal.reason if refusal else "a policy failed"


def _refuse_server(subject: Any, refusal: Refused | None, _policy: str) -> None:
    subject.server.error = refusal.reason if refusal else "a policy failed"


def _cut(_subject: Any, _refusal: Refused | None, _policy: str) -> None:
    raise ConnectionCut from None


def _nothing_left(_subject: Any, _refusal: Refused | None, _policy: str) -> None:
    """The hook tells of an end; there is nothing that could still pass."""


type Failure = Callable[[Any, Refused | None, str], None]
"""Called with the hook's argument, the refusal (None when the policy broke) and the policy's name."""

FAILURES: dict[str, Failure] = {
    "requestheaders": _answer,
    "request": _answer,
    "responseheaders": _answer,
    "response": _answer,
    "error": _nothing_left,
    "http_connect": _answer,
    "http_connect_upstream": _cut,
    "http_connected": _cut,
    "http_connect_error": _nothing_left,
    "websocket_start": _cut,
    "websocket_message": _cut,
    "websocket_end": _nothing_left,
    "tcp_start": _cut,
    "tcp_message": _cut,
    "tcp_end": _nothing_left,
    "tcp_error": _nothing_left,
    "udp_start": _cut,
    "udp_message": _cut,
    "udp_end": _nothing_left,
    "udp_error": _nothing_left,
    "dns_request": _refuse_name,
    "dns_response": _refuse_name,
    "dns_error": _nothing_left,
    "client_connected": _refuse_client,
    "client_disconnected": _nothing_left,
    "server_connect": _refuse_server,
    "server_connected": _cut,
    "server_disconnected": _nothing_left,
    "server_connect_error": _nothing_left,
    "next_layer": _cut,
    "socks5_auth": _cut,
    "tls_clienthello": _cut,
    "tls_start_client": _cut,
    "tls_start_server": _cut,
    "tls_established_client": _cut,
    "tls_established_server": _cut,
    "tls_failed_client": _nothing_left,
    "tls_failed_server": _nothing_left,
    "quic_start_client": _cut,
    "quic_start_server": _cut,
    "update": _cut,
}

LIFECYCLE = frozenset({"load", "configure", "running", "done", "add_log"})
"""mitmproxy's hooks that carry no traffic; their errors are the operator's."""


def fail(hook: str, subject: Any, refusal: Refused | None, policy: str) -> None:
    """Make sure that what the hook was about does not pass. Raises `ConnectionCut` where nothing less does that."""
    FAILURES.get(hook, _cut)(subject, refusal, policy)
