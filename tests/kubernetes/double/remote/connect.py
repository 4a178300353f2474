"""The subresources that lead into a pod: logs."""

import datetime as dt
from collections.abc import AsyncIterator
from typing import Any

from tests.kubernetes.double.api.status import ApiError, bad_request, not_found
from tests.kubernetes.double.api.verbs import Call
from tests.kubernetes.double.remote.kubelet import Container, Kubelet, Pod
from tests.kubernetes.double.remote.log import Options
from tests.kubernetes.double.web.message import Answer, Response

type Json = dict[str, Any]


class Connections:
    """Answers what is asked of a running pod."""

    def __init__(self, kubelet: Kubelet) -> None:
        self._kubelet = kubelet

    async def answer(self, call: Call) -> Answer | None:
        """The answer; None if the subresource is none of these."""
        if call.route.sub == "log" and call.route.verb == "get":
            return self._log(call)
        return None

    def _log(self, call: Call) -> Response:
        obj = call.cluster.get(call.kind, call.namespace, call.route.name)
        _, container = self._container(call, obj, call.request.parameter("container"))
        return Response(200, [("Content-Type", "text/plain")], _log_lines(call, container))

    def _container(self, call: Call, obj: Json, wanted: str) -> tuple[Pod, Container]:
        names = [one["name"] for one in obj["spec"]["containers"]]
        name, pod_name = wanted, obj["metadata"]["name"]
        if not name:
            if len(names) > 1:
                choices = " ".join(names)
                raise bad_request(
                    f"a container name must be specified for pod {pod_name}, choose one of: [{choices}]"
                )
            name = names[0]
        if name not in names:
            raise bad_request(f"container {name} is not valid for pod {pod_name}")
        pod = self._kubelet.pod(obj)
        if pod is None:
            why = f'container "{name}" in pod "{pod_name}" is waiting to start: ContainerCreating'
            raise bad_request(why)
        if name not in pod.containers:
            raise not_found("", call.kind.plural, pod_name)
        return pod, pod.containers[name]


def _log_lines(call: Call, container: Container) -> AsyncIterator[bytes]:
    request = call.request
    since = None
    if seconds := request.parameter("sinceSeconds"):
        since = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=int(seconds))
    elif moment := request.parameter("sinceTime"):
        since = dt.datetime.fromisoformat(moment)
    try:
        options = Options(
            follow=request.flag("follow"),
            tail=int(request.parameter("tailLines")) if "tailLines" in request.query else None,
            timestamps=request.flag("timestamps"),
            since=since,
            limit_bytes=int(request.parameter("limitBytes")) if "limitBytes" in request.query else None,
        )
    except ValueError as error:
        raise ApiError(422, "Invalid", f"PodLogOptions is invalid: {error}") from error
    return container.log.read(options)
