"""The servers that tests start on the loopback, each in a process of its own that can be killed."""

import contextlib
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from tests.needed import missing

_HERE = Path(__file__).resolve().parent
BUCKET = "daybreak-test"
KEYS = {
    "AWS_ACCESS_KEY_ID": "AKIDTEST",
    "AWS_SECRET_ACCESS_KEY": "canary-of-a-secret-key",
    "AWS_DEFAULT_REGION": "us-east-1",
}


class S3Server:
    """S3 on the loopback, with one bucket; its objects survive `kill` and `start`."""

    def __init__(self, folder: Path) -> None:
        self._journal = folder / "s3-journal"
        self.port = 0
        self.start()
        self._client().create_bucket(Bucket=BUCKET)

    @property
    def environment(self) -> dict[str, str]:
        """What a client needs to find it."""
        return {**KEYS, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}"}

    def start(self) -> None:
        """Starts it, on the port that it had."""
        self.process = subprocess.Popen(
            [sys.executable, str(_HERE / "s3_server.py"), str(self._journal),
             "--port", str(self.port)],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.port = int(self.process.stdout.readline())

    def kill(self) -> None:
        """Ends it by SIGKILL."""
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def _client(self):
        import boto3

        return boto3.client(
            "s3",
            endpoint_url=f"http://127.0.0.1:{self.port}",
            aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
            region_name=KEYS["AWS_DEFAULT_REGION"],
        )

    def objects(self) -> dict[str, bytes]:
        """Returns every object by its key, read by another client than Daybreak's."""
        with contextlib.closing(self._client()) as client:
            pages = client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
            keys = [found["Key"] for page in pages for found in page.get("Contents", [])]
            return {key: client.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys}

    def write(self, key: str, content: bytes) -> None:
        """Puts an object there, as a fault would."""
        with contextlib.closing(self._client()) as client:
            client.put_object(Bucket=BUCKET, Key=key, Body=content)

    def prove_that_it_refuses_a_second_create(self) -> None:
        """Calls it missing where eight conditional puts at once have not one winner."""
        client, answers = self._client(), []
        key = f"proof-{time.time_ns()}"
        barrier = threading.Barrier(8)

        def create(number: int) -> None:
            barrier.wait()
            try:
                client.put_object(
                    Bucket=BUCKET, Key=key, Body=str(number).encode(), IfNoneMatch="*"
                )
            except client.exceptions.ClientError as error:
                answers.append(error.response["ResponseMetadata"]["HTTPStatusCode"])
            else:
                answers.append(200)

        threads = [threading.Thread(target=create, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        client.delete_object(Bucket=BUCKET, Key=key)
        client.close()
        if sorted(answers) != [200] + [412] * 7:
            missing(f"this S3 server does not refuse a second put-if-absent: {answers}")


class RedisServer:
    """The redis-server program on a free port, keeping nothing on disk."""

    def __init__(self, folder: Path, *options: str) -> None:
        program = shutil.which("redis-server")
        if program is None:
            missing("there is no redis-server program on the PATH")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._folder = folder
        self._command = [
            program, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(folder),
            "--daemonize", "no", *(options or ("--save", "", "--appendonly", "no")),
        ]  # fmt: skip
        self.start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Starts it and waits until it answers."""
        self.process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        for _ in range(200):
            with (
                contextlib.suppress(OSError),
                socket.create_connection(("127.0.0.1", self.port), 1) as probe,
            ):
                probe.sendall(b"PING\r\n")
                if probe.recv(64)[:5] in (b"+PONG", b"-NOAU"):
                    return
            time.sleep(0.05)
        raise AssertionError("redis-server does not answer within 10 s")

    def kill(self) -> None:
        """Ends it by SIGKILL."""
        self.process.kill()
        self.process.wait()
