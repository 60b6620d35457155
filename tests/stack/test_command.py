"""The command ``stack up``: what it says when it cannot."""

import socket
import sys

import pytest

from local.__main__ import main


def test_a_port_that_is_taken_is_said_before_anything_is_started(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["stack", "up", "--port", str(port), "--package", "build/local"]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == f"127.0.0.1:{port} cannot be served: Address already in use.\n"


def test_a_package_that_is_not_there_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stack", "up", "--port", "0", "--package", "build/nowhere"]) == 1
    assert "build/nowhere" in capsys.readouterr().err
    assert sys.stdout is not sys.stderr
