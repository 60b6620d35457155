"""Deploy a stage: package, upload, show what changes, carry it out, and give the first admin key.

Every step may be repeated: bundles are stored by their hash, a deployment without a change ends after the plan, and a
stack that was deleted is made again around the tables it left behind.
"""

import argparse
import json
import secrets
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.arguments import parameter, stage_name
from infra.artifacts import Bucket
from infra.aws import open_session
from infra.names import name_of
from infra.safekeeping import differing_tables
from infra.stack import Plan, Stack, StackFailed, as_text
from infra.template import ARCHITECTURES, with_code

__all__ = ["Account", "Wanted", "add_arguments", "deploy", "run"]

_SIGNING_SECRET = "SigningSecret"


@dataclass(frozen=True, slots=True)
class Account:
    """The account and region to deploy into, with boto3's clients of them."""

    id: str
    region: str
    cloudformation: Any
    s3: Any
    functions: Any
    dynamodb: Any
    queues: Any


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be deployed. ``parameters`` are those of the template that someone has set.

    ``new_admin_key`` says whether an admin key is made; ``None``: when the stack is made.
    """

    stage: str
    bundle: Path
    template: Mapping[str, Any]
    parameters: Mapping[str, str]
    new_secret: bool = False
    new_admin_key: bool | None = None


def deploy(wanted: Wanted, account: Account, agrees: Callable[[Plan], bool]) -> dict[str, str] | None:
    """Bring a stage to what is wanted; ``agrees`` is shown the plan and decides.

    Answers the outputs of the stack, with ``AdminKey`` where one was made, or ``None`` when it was not agreed to.
    Raises ``StackFailed``.
    """
    stack = Stack(account.cloudformation, f"meterfold-{wanted.stage}")
    stack.clear()
    _refuse_other_tables(stack, wanted.stage, account)
    known = set(stack.parameters())
    given = _parameters(wanted, known)
    plan = stack.plan(
        _upload(wanted, account),
        given,
        kept=sorted((known & set(wanted.template["Parameters"])) - set(given)),
        tags={"meterfold:stage": wanted.stage},
    )
    if plan.changes:
        if not agrees(plan):
            stack.drop(plan)
            return None
        stack.carry_out(plan)
    stack.protect()
    found = stack.outputs()
    if plan.creates if wanted.new_admin_key is None else wanted.new_admin_key:
        found["AdminKey"] = make_admin_key(account.functions, wanted.stage)
    return found


def _refuse_other_tables(stack: Stack, stage: str, account: Account) -> None:
    """Raise ``StackFailed`` when tables to be taken over have other keys or indexes than this release's.

    CloudFormation takes a table over as it is, and would believe from then on that it is as the template says.
    """
    different = differing_tables(account.dynamodb, stage) if stack.find() is None else []
    if different:
        told = "Tables are not as this release makes them. Deploy the release that made them, then this one over it."
        raise StackFailed(told, different)


def make_admin_key(functions: Any, stage: str) -> str:
    """Make an admin key by the function that IAM guards; only its hash is stored."""
    body = {"name": "first admin", "role": "admin"}
    answer = functions.invoke(FunctionName=name_of(stage, "create_api_key"), Payload=json.dumps(body).encode())
    said = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        told = "The stack stands, but no admin key could be made; ARGS=--admin-key tries again."
        raise StackFailed(told, [str(said.get("errorMessage", said))])
    return str(said["secret"])


def _upload(wanted: Wanted, account: Account) -> str:
    """Upload bundle and template; answers the template's address."""
    bucket = Bucket(account.s3, account=account.id, region=account.region)
    bucket.make()
    key = bucket.upload(wanted.bundle.read_bytes(), ".zip")
    template = with_code(wanted.template, {"Bucket": bucket.name, "Key": key})
    return bucket.url_of(bucket.upload(as_text(template).encode(), ".template.json"))


def _parameters(wanted: Wanted, known: set[str]) -> dict[str, str]:
    """Set what was asked for, and the secret when there is none; the rest stays as it is, or takes its default."""
    given = dict(wanted.parameters)
    if _SIGNING_SECRET not in given and (wanted.new_secret or _SIGNING_SECRET not in known):
        given[_SIGNING_SECRET] = secrets.token_urlsafe(48)
    return given


def connect(region: str | None) -> Account:
    """Connect with the credentials of the environment, as the AWS command line finds them."""
    session = open_session(region)
    return Account(
        id=session.client("sts").get_caller_identity()["Account"],
        region=session.region_name,
        cloudformation=session.client("cloudformation"),
        s3=session.client("s3"),
        functions=session.client("lambda"),
        dynamodb=session.client("dynamodb"),
        queues=session.client("sqs"),
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command line takes."""
    parser.add_argument("--stage", type=stage_name, required=True, help="name of the stage, such as dev or prod")
    parser.add_argument("--architecture", choices=ARCHITECTURES, default="arm64")
    parser.add_argument("--region", help="instead of AWS_REGION")
    parser.add_argument(
        "--yes", action="store_true", help="do not ask before carrying the plan out, and make no admin key unless told"
    )
    parser.add_argument(
        "--parameter",
        type=parameter,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="set a parameter of the template",
    )
    parser.add_argument("--new-secret", action="store_true", help="change the signing secret: portal links end")
    parser.add_argument("--admin-key", action="store_true", help="make one more admin key")


def run(options: argparse.Namespace) -> int:
    """Deploy from the command line; answers the exit code."""
    from infra.bundle import build_package

    folder = Path("build") / options.stage
    package = build_package(folder, stage=options.stage, architecture=options.architecture)
    wanted = Wanted(
        stage=options.stage,
        bundle=package.bundle,
        template=package.template,
        parameters=dict(options.parameter),
        new_secret=options.new_secret,
        # A pipeline keeps what it prints.
        new_admin_key=options.admin_key or (False if options.yes else None),
    )
    account = connect(options.region)
    print(f"meterfold-{options.stage} in account {account.id}, {account.region}", file=sys.stderr)
    found = deploy(wanted, account, _always if options.yes else _ask)
    if found is None:
        print("Nothing was changed.", file=sys.stderr)
        return 1
    shown = {"url": found["Url"], "console_url": found["ConsoleUrl"], "admin_key": found.get("AdminKey")}
    if "AdminKey" not in found:
        print("No admin key was made: ARGS=--admin-key makes one.", file=sys.stderr)
    print(json.dumps({name: value for name, value in shown.items() if value is not None}))
    return 0


def _show(plan: Plan) -> None:
    print("\n".join(plan.lines()), file=sys.stderr)


def _always(plan: Plan) -> bool:
    _show(plan)
    return True


def _ask(plan: Plan) -> bool:
    _show(plan)
    print("Carry this out? Type yes: ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip() == "yes"
