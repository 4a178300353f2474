"""`kill -9` of the gateway at any moment: whatever reached the target is in the record."""

import contextlib
import http.client
import random
import re
import threading
import time
from pathlib import Path

from tests.servers.plain_http import HttpGateway, Target

MOMENTS = 6
CLIENTS = 4
MARK = re.compile(r"mark-\d+-\d+-\d+")


class Load:
    """Clients that send requests with a number each, as fast as they are answered, until they are cut off."""

    def __init__(self, port: int, round_number: int) -> None:
        self._port = port
        self._round = round_number
        self._threads = [threading.Thread(target=self._run, args=(client,)) for client in range(CLIENTS)]
        for thread in self._threads:
            thread.start()

    def _run(self, client: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)
        number = 0
        with contextlib.suppress(OSError, http.client.HTTPException):
            while True:
                number += 1
                mark = f"mark-{self._round}-{client}-{number}"
                connection.request("POST" if number % 2 else "GET", f"/{mark}", body=b"x=1" if number % 2 else None)
                connection.getresponse().read()
        connection.close()

    def join(self) -> None:
        for thread in self._threads:
            thread.join(20)
            assert not thread.is_alive()


def test_every_request_at_the_target_is_in_the_record(tmp_path: Path) -> None:
    moments = random.Random(4711)
    with Target() as target:
        started = HttpGateway(target, tmp_path, scripts=["record.py"]).start()
        for round_number in range(MOMENTS):
            load = Load(started.port, round_number)
            time.sleep(moments.uniform(0.2, 0.6))
            started.kill()
            load.join()
            started.start()
        started.stop()
        at_the_target = set(MARK.findall("\n".join(target.seen)))
    files = sorted(started.confdir.rglob("*.jsonl"))
    in_the_record = set(MARK.findall("\n".join(path.read_text(errors="replace") for path in files)))
    assert len(at_the_target) > MOMENTS * CLIENTS
    assert at_the_target <= in_the_record, sorted(at_the_target - in_the_record)[:5]
