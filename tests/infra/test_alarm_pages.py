"""What the pages for operators tell them to type exists: functions, queues, messages, fields, commands of AWS."""

import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest
from botocore.session import get_session

from chalicelib.platform.logging import FIELDS
from infra.functions import FUNCTIONS
from infra.names import name_of
from infra.queues import queue_resources
from infra.watching import alarms
from tests.house.sources import ROOT, files, text_of

SESSION = get_session()
PAGES = [ROOT / "docs/operations.md", *(ROOT / alarm.page for alarm in alarms("prod"))]
# In every line, besides the fields of the project's own; and what Lambda and CloudWatch add.
IN_EVERY_LINE = {"level", "message", "timestamp", "service", "xray_trace_id", "@timestamp", "@message", "@ptr"}
# Of the command line itself, whatever the command.
GLOBAL_OPTIONS = {"query", "output", "cli-binary-format", "cli-read-timeout"}


def blocks(text: str) -> str:
    """Give the commands of a page, continued lines joined; also those between single backquotes in its sentences."""
    fenced = "\n".join(re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE))
    spoken = "\n".join(re.findall(r"`((?:aws|insights|run_now|queue|peek|redrive) [^`]+)`", text.replace("\n  ", " ")))
    return re.sub(r"\\\n\s*", " ", f"{fenced}\n{spoken}")


def commands(page: Path) -> str:
    return blocks(page.read_text())


@cache
def options_of(service: str, command: str) -> frozenset[str] | None:
    """List what a command of AWS takes, without hyphens; ``None`` when there is no such command."""
    model = SESSION.get_service_model(service)
    wanted = command.replace("-", "")
    for operation in model.operation_names:
        if operation.lower() == wanted:
            shape = model.operation_model(operation).input_shape
            return frozenset(name.lower() for name in shape.members) if shape is not None else frozenset()
    return None


def wrong_commands(text: str) -> list[str]:
    """List the commands of AWS that do not exist, or do not take an option that stands there."""
    found = []
    for service, command, rest in re.findall(r"\baws ([a-z]+) ([a-z-]+)((?:(?!\baws )[^\n])*)", text):
        known = options_of(service, command)
        options = set(re.findall(r"(?<= )--([a-z-]+)", rest)) - GLOBAL_OPTIONS
        if known is None:
            found.append(f"aws {service} {command}")
            continue
        found += [f"aws {service} {command} --{one}" for one in options if one.replace("-", "") not in known]
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_of_aws_exists_with_its_options(page: Path) -> None:
    assert wrong_commands(commands(page)) == []


def test_a_wrong_command_of_aws_is_seen() -> None:
    assert wrong_commands("aws sqs empty-queue\naws sqs purge-queue --queue-name a --query b") == [
        "aws sqs empty-queue",
        "aws sqs purge-queue --queue-name",
    ]


def unknown_names(text: str) -> set[str]:
    """List the functions and queues that a page names after its short commands, and that do not exist."""
    queues = {name.removeprefix(name_of("prod", "")) for name in queue_names()}
    functions = set(re.findall(r"\b(?:insights|run_now) ([a-z_]+)\b", text))
    named = set(re.findall(r"\b(?:queue|peek|redrive|queue_url) ([a-z][a-z-]+)\b", text))
    return (functions - set(FUNCTIONS)) | (named - queues)


def queue_names() -> list[str]:
    resources = queue_resources("prod").values()
    return [one["Properties"]["QueueName"] for one in resources if one["Type"] == "AWS::SQS::Queue"]


def unknown_fields(text: str) -> set[str]:
    """List the fields of queries that no line has, and the messages that no code writes."""
    queries = " ".join(re.findall(r"insights \S+ (?:'([^']*)'|\"[^\"]*\")", text))
    told = {name for listed in re.findall(r"\bfields ([^|]*)", queries) for name in re.split(r"[,\s]+", listed) if name}
    told |= set(re.findall(r"\bfilter (\w+)\b", queries)) - {"ispresent"}
    told = {name.strip("`").partition(".")[0] for name in told}
    written = {message for message in re.findall(r'message = "([^"]+)"', queries) if not is_written(message)}
    return (told - FIELDS - IN_EVERY_LINE) | written


def is_written(message: str) -> bool:
    return any(f'"{message}"' in (text_of(name) or "") for name in files() if name.startswith("chalicelib/"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_pages_name_functions_queues_fields_and_messages_that_there_are(page: Path) -> None:
    assert unknown_names(commands(page)) == set()
    assert unknown_fields(commands(page)) == set()


def test_wrong_names_are_seen() -> None:
    assert unknown_names("insights roll_up 'x'\nqueue usage\nqueue usage-events") == {"roll_up", "usage"}
    text = """insights api 'filter message = "no" | fields @timestamp, text, places.0 | limit 3'"""
    assert unknown_fields(text) == {"text", "no"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_shell_understands_every_block(page: Path) -> None:
    shell = shutil.which("bash")
    assert shell is not None
    text = "\n".join(re.findall(r"^```sh\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE))
    assert text
    subprocess.run([shell, "-n"], input=text, text=True, check=True)
