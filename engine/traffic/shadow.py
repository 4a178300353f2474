"""A script in shadow on mitmproxy's hooks: it is shown a copy, and what it would have done is logged."""

import logging
from typing import TYPE_CHECKING, Any

from mitmproxy import exceptions, flow

from hoopaddon.errors import Refused
from hoopaddon.policy.chain import log_failure
from hoopaddon.policy.policies import Step
from hoopaddon.traffic.failures import pass_cancellation_on

if TYPE_CHECKING:
    from hoopaddon.gateway import Gateway

logger = logging.getLogger(__name__)


async def show(gateway: "Gateway", step: Step, subject: Any) -> None:
    """Show the flow to a policy that must not have an effect.

    What cannot be copied (connections, TLS handshakes, the choice of a layer) is not shown to it.
    """
    if not isinstance(subject, flow.Flow):
        return
    twin = subject.copy()
    before = twin.get_state()
    twin.live = subject.live
    try:
        await gateway.addons.call(step, twin)
    except exceptions.AddonHalt:
        return
    except Refused as refusal:
        _log(step, f"refused: {refusal.reason}")
    except BaseException as e:
        pass_cancellation_on(e)
        log_failure(step, e)
        _log(step, "failed")
    else:
        if twin.error and not subject.error:
            _log(step, "killed it")
        elif twin.get_state() != before:
            _log(step, "edited it")


def _log(step: Step, what: str) -> None:
    logger.info("%s (shadow): %s would have %s", step.name, step.hook, what)
