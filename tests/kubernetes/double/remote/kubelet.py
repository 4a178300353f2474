"""The kubelet: pods run as processes of this machine, few at a time, and end with it."""

import asyncio
import os
import shutil
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.kubernetes.double.objects.bootstrap import NODE
from tests.kubernetes.double.objects.cluster import Cluster
from tests.kubernetes.double.objects.kinds import Kind
from tests.kubernetes.double.objects.metadata import now
from tests.kubernetes.double.objects.storage import Event
from tests.kubernetes.double.remote.log import Log

type Json = dict[str, Any]
type Uid = str

_MOST_PROCESSES = 200
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(slots=True)
class Container:
    """One container: its log, and its process if it has a command of its own."""

    name: str
    log: Log
    process: asyncio.subprocess.Process | None = None
    exit_code: int | None = None
    watch: "asyncio.Task[None] | None" = None
    stdin_once: bool = False
    listeners: list[Callable[[bytes], None]] = field(default_factory=list)
    """Told of all output as it comes, and of its end by nothing."""

    def say(self, data: bytes) -> None:
        """The container has said this, or, if it is nothing, that it has ended."""
        if data:
            self.log.append(data)
        else:
            self.log.end()
        for listener in self.listeners:
            listener(data)


@dataclass(slots=True)
class Pod:
    """What runs of one pod; `folder` is where its processes begin, and `home` for all of them."""

    namespace: str
    name: str
    folder: Path
    containers: dict[str, Container] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)


class Kubelet:
    """Runs what was bound to the node, and tells of its state."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self._cluster, self._folder = cluster, folder
        self._pods: dict[Uid, Pod] = {}
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        cluster.storage.hooks.append(self._note)

    def _note(self, event: Event) -> None:
        if event.resource == ("", "pods"):
            self._events.put_nowait(event)

    @property
    def _kind(self) -> Kind:
        kind = self._cluster.kinds.find("", "v1", "pods")
        if kind is None:
            raise LookupError("pods")
        return kind

    def pod(self, obj: Json) -> Pod | None:
        """What runs of a pod; None before it runs."""
        return self._pods.get(obj["metadata"]["uid"])

    async def run(self) -> None:
        """See to pods until cancelled."""
        try:
            while True:
                event = await self._events.get()
                if event.after is None:
                    await self._end((event.before or {})["metadata"]["uid"], 0)
                elif (found := self._cluster.storage.get(event.resource, event.name)) is not None:
                    await self._see_to(self._cluster.shown(self._kind, found))
        finally:
            for uid in list(self._pods):
                await self._end(uid, 0)

    async def _see_to(self, obj: Json) -> None:
        meta = obj["metadata"]
        if "deletionTimestamp" in meta:
            await self._end(meta["uid"], meta.get("deletionGracePeriodSeconds", 0))
            # Its end is confirmed by a deletion without grace, as a kubelet's.
            self._cluster.write(self._kind, obj, _without_grace)
        elif not obj["spec"].get("nodeName"):
            if not obj["spec"].get("schedulingGates"):
                self._cluster.write(self._kind, obj, _bound)
        elif meta["uid"] not in self._pods and (obj.get("status") or {}).get("phase") == "Pending":
            await self._begin(obj)

    async def _begin(self, obj: Json) -> None:
        meta = obj["metadata"]
        folder = self._folder / meta["uid"]
        folder.mkdir(parents=True)
        environment = {"PATH": _PATH, "HOME": str(folder), "HOSTNAME": meta["name"]}
        pod = Pod(meta["namespace"], meta["name"], folder, environment=environment)
        self._pods[meta["uid"]] = pod
        for spec in obj["spec"]["containers"]:
            pod.containers[spec["name"]] = await self._container(obj, pod, spec)
        self._tell(obj, pod)

    async def _container(self, obj: Json, pod: Pod, spec: Json) -> Container:
        made = Container(spec["name"], Log(), stdin_once=spec.get("stdinOnce", False))
        command = [*(spec.get("command") or ()), *(spec.get("args") or ())]
        running = sum(
            c.process is not None and c.exit_code is None for p in self._pods.values() for c in p.containers.values()
        )
        if not spec.get("command") or running >= _MOST_PROCESSES:
            # What an image would run by itself is not here: it serves, says one line, and does nothing.
            made.log.append(f"{spec['image']} started\n".encode())
            return made
        try:
            made.process = await asyncio.create_subprocess_exec(
                *command,
                cwd=pod.folder,
                env={**pod.environment, **_variables(spec)},
                stdin=asyncio.subprocess.PIPE if spec.get("stdin") else asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            made.exit_code = 128
            made.log.append(f"{error}\n".encode())
            made.log.end()
            return made
        made.watch = asyncio.ensure_future(self._follow(obj, pod, made, made.process))
        return made

    async def _follow(self, obj: Json, pod: Pod, container: Container, process: asyncio.subprocess.Process) -> None:
        while process.stdout and (data := await process.stdout.read(65536)):
            container.say(data)
        container.exit_code = await process.wait()
        container.say(b"")
        self._tell(obj, pod)

    def _tell(self, obj: Json, pod: Pod) -> None:
        self._cluster.write(self._kind, obj, lambda one: {**one, "status": _status(one, pod)})

    async def _end(self, uid: Uid, grace_s: float) -> None:
        if (pod := self._pods.get(uid)) is None:
            return
        for container in pod.containers.values():
            container.say(b"")
            if container.process and container.exit_code is None:
                await stop(container.process, min(grace_s, 1))
            if container.watch:
                # Nobody holds its pipe any more.
                await asyncio.wait((container.watch,), timeout=1)
                container.watch.cancel()
        shutil.rmtree(pod.folder, ignore_errors=True)
        # Only now: what is cut short here at the double's end has to be done again.
        self._pods.pop(uid, None)


async def stop(process: asyncio.subprocess.Process, grace_s: float) -> None:
    """End a process and all that it started, by SIGTERM, then by SIGKILL."""
    for sign, within_s in ((signal.SIGTERM, grace_s), (signal.SIGKILL, 5.0)):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, sign)
        with suppress(TimeoutError):
            async with asyncio.timeout(max(within_s, 0.05)):
                await process.wait()
                return


def _variables(spec: Json) -> dict[str, str]:
    return {one["name"]: one["value"] for one in spec.get("env") or () if "value" in one}


def _bound(obj: Json) -> Json:
    obj["spec"]["nodeName"] = NODE
    conditions = [{"type": "PodScheduled", "status": "True", "lastProbeTime": None, "lastTransitionTime": now()}]
    obj["status"] = {**obj.get("status", {}), "conditions": conditions}
    return obj


def _without_grace(obj: Json) -> Json:
    obj["metadata"]["deletionGracePeriodSeconds"] = 0
    return obj


def _status(obj: Json, pod: Pod) -> Json:
    before = obj.get("status") or {}
    begun = before.get("startTime") or now()
    states = [_container_status(one, pod.containers[one["name"]], begun) for one in obj["spec"]["containers"]]
    codes = [one.exit_code for one in pod.containers.values()]
    ready = all(one["ready"] for one in states)
    phase = "Running"
    if all(code is not None for code in codes):
        phase = "Failed" if any(codes) else "Succeeded"
    kinds = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")
    return {
        **before,
        "phase": phase,
        "conditions": [_condition(before, kind, ready or not kind.endswith("Ready")) for kind in kinds],
        "hostIP": "127.0.0.1",
        "hostIPs": [{"ip": "127.0.0.1"}],
        "podIP": "127.0.0.1",
        "podIPs": [{"ip": "127.0.0.1"}],
        "startTime": begun,
        "containerStatuses": states,
    }


def _condition(before: Json, kind: str, holds: bool) -> Json:
    known: Sequence[Json] = before.get("conditions") or ()
    same = next((one for one in known if one["type"] == kind and one["status"] == str(holds)), None)
    return same or {"type": kind, "status": str(holds), "lastProbeTime": None, "lastTransitionTime": now()}


def _container_status(spec: Json, container: Container, begun: str) -> Json:
    state: Json = {"running": {"startedAt": begun}}
    if (code := container.exit_code) is not None:
        reason = "Error" if code else "Completed"
        state = {
            "terminated": {
                "exitCode": code if code >= 0 else 128 - code,
                "reason": reason,
                "startedAt": begun,
                "finishedAt": now(),
            }
        }
    return {
        "name": spec["name"],
        "state": state,
        "lastState": {},
        "ready": code is None,
        "started": code is None,
        "restartCount": 0,
        "image": spec["image"],
        "imageID": f"double/{spec['image']}",
        "containerID": f"process://{container.process.pid if container.process else 0}",
    }
