"""AWS on this machine, for ``stack up``: started, asked and stopped. What it lacks: docs/local-stack.md."""

import http.client
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from local.stack_host import BARE_PYTHON

HOST = "127.0.0.1"
REGION = "us-east-1"
ACCOUNT = "000000000000"
_SERVICES = ("s3", "sqs", "dynamodb", "lambda", "iam", "sts", "logs", "events", "monitoring", "apigateway")
_START_S, _STOP_S = 60, 15
_WAKE_S = 0.05


class AwsFailed(Exception):
    """AWS on this machine does not run, or did not do what the template says."""


class LocalAws:
    """One AWS of its own in a process of its own, with nothing in it, behind one port of this machine.

    Every call is checked against IAM, as on AWS; ``client`` calls as the owner of the account.
    """

    def __init__(self, folder: Path, *, port: int = 0) -> None:
        self._folder = folder
        self.port = port or _free_port()
        self._key, self._secret = f"root{secrets.token_hex(8)}", secrets.token_urlsafe(24)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where every AWS client finds it."""
        return f"http://{HOST}:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """Give what the environment of an AWS client must say to call here as the owner of the account."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": self._key,
            "AWS_SECRET_ACCESS_KEY": self._secret,
            "AWS_DEFAULT_REGION": REGION,
        }

    @property
    def log(self) -> Path:
        """What it said."""
        return self._folder / "aws.log"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def client(self, service: str, **options: Any) -> Any:
        """Make a client of a service, with every right."""
        import boto3

        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=self._key,
            aws_secret_access_key=self._secret,
            **options,
        )

    def start(self) -> None:
        """Start it and wait until it answers; raises ``AwsFailed``."""
        for folder in ("tmp", "state"):
            (self._folder / folder).mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "local.stack_host"],
                env=self._host_environment(),
                cwd=Path(__file__).parent.parent,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                # A group of its own, with the functions: Ctrl-C is for us, and stopping reaches all of them.
                start_new_session=True,
            )
        until = time.monotonic() + _START_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > until:
                self.stop()
                raise AwsFailed(f"AWS does not start on {self.url}; it says why in {self.log}.")
            time.sleep(_WAKE_S)

    def stop(self) -> None:
        """Stop it with every function that it runs."""
        if self._process is None:
            return
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_STOP_S)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process = None

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection(HOST, self.port, timeout=_START_S)
        try:
            connection.request("GET", "/_ministack/health")
            return connection.getresponse().status == http.HTTPStatus.OK
        except OSError:
            return False
        finally:
            connection.close()

    def _host_environment(self) -> dict[str, str]:
        """Give it nothing of ours: neither an AWS account nor where our packages lie."""
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": "C.UTF-8",
            BARE_PYTHON: str(self._bare_python()),
            "GATEWAY_PORT": str(self.port),
            "BIND_HOST": HOST,
            "MINISTACK_HOST": HOST,
            "MINISTACK_REGION": REGION,
            "MINISTACK_ACCOUNT_ID": ACCOUNT,
            "AWS_ACCESS_KEY_ID": self._key,
            "AWS_SECRET_ACCESS_KEY": self._secret,
            "AWS_DEFAULT_REGION": REGION,
            "AUTH": "true",
            "SERVICES": ",".join([*_SERVICES, "cloudformation"]),
            "TMPDIR": str(self._folder / "tmp"),
            "STATE_DIR": str(self._folder / "state"),
            "LOG_LEVEL": "INFO",
            # It would look for containers to stop, and open ports of services that nobody asked for.
            "DOCKER_HOST": f"unix://{self._folder}/no-docker.sock",
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
        }

    def _bare_python(self) -> Path:
        """Write a Python that finds no packages but those of a function's zip, and no sources but its own."""
        command = self._folder / "python"
        interpreter = Path(sys._base_executable).resolve()  # type: ignore[attr-defined]
        command.write_text(f'#!/bin/sh\nexec "{interpreter}" -I -S "$@"\n')
        command.chmod(0o700)
        return command


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        port: int = taken.getsockname()[1]
        return port
