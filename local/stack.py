"""The command ``stack up``: packages the app as for AWS and runs its template whole, on this machine.

The bundle, the template and the way through them are those of a deployment: API Gateway, Lambda, queues, event bus,
schedules and tables by CloudFormation, each function under its own policy. Nothing is kept when it ends.
"""

import json
import os
import platform
import secrets
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO
from urllib.parse import quote

from botocore.exceptions import ClientError

from infra.refusals import Unpackaged
from local.stack_aws import REGION, AwsFailed, LocalAws
from local.stack_edge import Edge, listen

if TYPE_CHECKING:
    from infra.bundle import Package

STAGE = "local"
STACK = f"meterfold-{STAGE}"
_CODE = "meterfold-code"
_MEMORY, _ROOM_BYTES = "/dev/shm", 2 * 1024**3  # noqa: S108 - a folder of its own is made in it
_WAKE_S = 0.1
_DEPLOY_S = 120
STOPPED, FAILED = 0, 1


@dataclass(frozen=True, slots=True, kw_only=True)
class StackOptions:
    """One call of ``stack up``; port 0 takes a free one. ``package`` is a folder that ``make package`` has written."""

    port: int
    aws_port: int = 0
    package: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalStack:
    """A stack that runs: where it serves HTTP, its first key, and the AWS it runs on."""

    url: str
    admin_key: str = field(repr=False)
    aws: LocalAws

    @property
    def console_url(self) -> str:
        """Give the address of the console, signed in."""
        return f"{self.url}/console#key={quote(self.admin_key, safe='')}"


def stack_up(options: StackOptions) -> int:
    """Run the stack until SIGINT or SIGTERM; gives the exit code."""
    ready_line = sys.stdout
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        scratch_folder = tempfile.TemporaryDirectory(prefix="meterfold-stack-", dir=_in_memory())
        with redirect_stdout(sys.stderr), scratch_folder as scratch:
            _serve_until(stop, options, Path(scratch), ready_line)
    except (AwsFailed, ClientError, Unpackaged) as failure:
        print(failure, file=sys.stderr)
        return FAILED
    except OSError as error:
        what = error.filename or f"127.0.0.1:{options.port}"
        print(f"{what} cannot be served: {error.strerror or error}.", file=sys.stderr)
        return FAILED
    return STOPPED


def _in_memory() -> str | None:
    """Give a folder in memory, where there is one with room from which programs may run.

    Each environment of a function unpacks the whole bundle, some two thousand files: that takes a disk seconds.
    """
    try:
        status = os.statvfs(_MEMORY)
    except OSError:
        return None
    is_large = status.f_bavail * status.f_frsize >= _ROOM_BYTES
    return _MEMORY if is_large and not status.f_flag & os.ST_NOEXEC else None


def _serve_until(stop: threading.Event, options: StackOptions, scratch: Path, ready_line: TextIO) -> None:
    bundle, template = _package(options.package, scratch)
    with open_stack(bundle, template, scratch, ports=(options.port, options.aws_port)) as stack:
        aws = " ".join(f"{name}={value}" for name, value in stack.aws.environment.items())
        print(f"export {aws}", file=sys.stderr, flush=True)
        ready = {"url": stack.url, "console_url": stack.console_url, "admin_key": stack.admin_key}
        print(json.dumps(ready), file=ready_line, flush=True)
        stop.wait()


def _package(folder: Path | None, scratch: Path) -> tuple[Path, Mapping[str, Any]]:
    """Give the bundle and the template: those of a folder, else built for this machine."""
    from infra import bundle

    if folder is None:
        made: Package = bundle.build_package(scratch / "package", stage=STAGE, architecture=machine_architecture())
        return made.bundle, made.template
    return folder / bundle.BUNDLE, json.loads((folder / bundle.TEMPLATE).read_text())


def machine_architecture() -> str:
    """Name this machine's processor as Lambda does."""
    return "arm64" if platform.machine().lower() in {"arm64", "aarch64"} else "x86_64"


@contextmanager
def open_stack(
    bundle: Path, template: Mapping[str, Any], scratch: Path, *, ports: tuple[int, int] = (0, 0)
) -> Iterator[LocalStack]:
    """Run a bundle by its template, on an AWS of its own; ``ports`` are those of HTTP and of AWS.

    Raises ``AwsFailed`` when a resource cannot be made, with the reason.
    """
    server = listen(ports[0])
    try:
        with LocalAws(scratch, port=ports[1]) as aws:
            outputs = _deploy(aws, bundle, template)
            api, _, stage = outputs["Url"].removeprefix("https://").partition("/")
            server.respond = Edge(port=aws.port, api=api.partition(".")[0], stage=stage).answer
            threading.Thread(target=server.serve_forever, args=(_WAKE_S,), name="edge", daemon=True).start()
            yield LocalStack(url=f"{server.url}/{stage}", admin_key=_first_key(aws), aws=aws)
            server.stop()
    finally:
        server.server_close()


def _deploy(aws: LocalAws, bundle: Path, template: Mapping[str, Any]) -> dict[str, str]:
    """Upload and create the stack; gives its outputs."""
    from infra.template import with_code
    from local.stack_template import adapted, translated

    s3, cloudformation = aws.client("s3"), aws.client("cloudformation")
    s3.create_bucket(Bucket=_CODE)
    s3.upload_file(str(bundle), _CODE, bundle.name)
    whole = adapted(translated(with_code(template, {"Bucket": _CODE, "Key": bundle.name}), REGION))
    s3.put_object(Bucket=_CODE, Key="template.json", Body=json.dumps(whole).encode())
    cloudformation.create_stack(
        StackName=STACK,
        TemplateURL=f"{aws.url}/{_CODE}/template.json",
        Capabilities=["CAPABILITY_IAM"],
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in _parameters().items()],
    )
    return _wait_for(cloudformation)


def _parameters() -> dict[str, str]:
    """Choose what the template leaves open: nobody is there to be alarmed."""
    return {"SigningSecret": secrets.token_urlsafe(32), "Alarms": "off"}


def _wait_for(cloudformation: Any) -> dict[str, str]:
    until = time.monotonic() + _DEPLOY_S
    while True:
        made = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]
        if made["StackStatus"] == "CREATE_COMPLETE":
            return {one["OutputKey"]: one["OutputValue"] for one in made["Outputs"]}
        if not made["StackStatus"].endswith("CREATE_IN_PROGRESS") or time.monotonic() > until:
            raise AwsFailed(f"The stack is {made['StackStatus']}: {_reasons(cloudformation)}")
        time.sleep(_WAKE_S)


def _reasons(cloudformation: Any) -> str:
    events = cloudformation.describe_stack_events(StackName=STACK)["StackEvents"]
    failed = [one for one in reversed(events) if one["ResourceStatus"].endswith("FAILED")]
    return "; ".join(f"{one['LogicalResourceId']}: {one.get('ResourceStatusReason')}" for one in failed) or "no reason"


def _first_key(aws: LocalAws) -> str:
    answered = aws.client("lambda").invoke(
        FunctionName=f"{STACK}-create_api_key", Payload=json.dumps({"name": "Local stack", "role": "admin"})
    )
    payload = json.loads(answered["Payload"].read())
    if answered.get("FunctionError"):
        raise AwsFailed(f"create_api_key failed: {payload}")
    secret: str = payload["secret"]
    return secret
