"""Routes whose module is imported at the first request to one of them."""

import io
import json

import pytest
from chalice.app import Chalice
from chalice.test import Client

from chalicelib.platform.http import Routes
from chalicelib.platform.late_routes import serve_late
from tests.counted import counting


def broken(module: str) -> Routes:
    raise ImportError(f"{module} lacks what somebody forgot")


def test_a_module_that_cannot_be_imported_is_a_fault_that_the_log_explains(
    written: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    app = Chalice("sample", configure_logs=False)
    serve_late(app, [("usage.api_gone", "GET", "/v1/gone", "read_gone", ())], broken)
    with counting(), Client(app) as client:
        answer = client.http.get("/v1/gone")
    assert (answer.status_code, answer.json_body["type"]) == (500, "/problems/internal-error")
    line = json.loads(written.getvalue().splitlines()[0])
    assert (line["route"], line["method"], line["error"]) == ("/v1/gone", "GET", "ImportError")
    assert any("broken" in place for place in line["places"])
    assert "forgot" not in written.getvalue()
    # The counts go out with the request.
    assert '"Faults":[1' in capsys.readouterr().out.replace(" ", "")
