"""Moto, a double of AWS's API, in a process of its own.

It stands on botocore, whose pins conflict with what the other tests want: `scripts/install-test-servers` puts it
aside.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

import httpx2

from demo.server import free_port
from tests.servers.missing import missing

ASIDE = Path(__file__).resolve().parents[2] / "build" / "moto"
START_WITHIN_S = 60


class Moto:
    """The server, and the environment that has AWS's tools and the gateway ask it."""

    def __init__(self) -> None:
        if not (ASIDE / "moto").is_dir():
            missing("moto")
        self.port = free_port()
        self.environment = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_REGION": "eu-central-1",
            "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_ACCESS_KEY_ID": "AKIATESTTESTTESTTEST",
            "AWS_SECRET_ACCESS_KEY": "s3cret-key-of-aws-canary",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def __enter__(self) -> Self:
        command = [sys.executable, "-c", "from moto.server import main; main()", "-p", str(self.port)]
        environment = {**os.environ, **self.environment, "PYTHONPATH": str(ASIDE)}
        environment.pop("AWS_ENDPOINT_URL")
        self._process = subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + START_WITHIN_S
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                httpx2.get(f"http://127.0.0.1:{self.port}/moto-api/", trust_env=False)
            except httpx2.HTTPError:
                time.sleep(0.1)
            else:
                return self
        raise RuntimeError("moto did not start")

    def __exit__(self, *exc: object) -> None:
        self._process.terminate()
        self._process.wait()

    def call(self, service: str, action: str, **parameters: Any) -> None:
        """Do something by boto3, as somebody else would."""
        self.run(
            "import boto3, json, sys\n"
            "service, action, parameters = json.loads(sys.argv[1])\n"
            "getattr(boto3.client(service), action)(**parameters)\n",
            [service, action, parameters],
        )

    def run(self, script: str, argument: Any) -> str:
        """What a script prints that has boto3, and this for an argument."""
        return run_with_boto3(script, argument, self.environment)


def run_with_boto3(script: str, argument: Any, environment: dict[str, str]) -> str:
    """What a script prints that has boto3, and this for an argument."""
    if not (ASIDE / "boto3").is_dir():
        missing("boto3")
    done = subprocess.run(
        [sys.executable, "-c", script, json.dumps(argument)],
        env={**os.environ, **environment, "PYTHONPATH": str(ASIDE)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
