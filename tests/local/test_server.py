"""The local server speaks HTTP as API Gateway does, and nothing that arrives stops it."""

import gzip
import http.client
import json
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from chalice.app import Chalice, Rate, Response

from chalicelib.shared.clock import clock
from local.jobs import Jobs
from local.server import LocalServer, listen


def _toy() -> Chalice:
    app = Chalice("toy")
    of_thread = threading.local()

    @app.middleware("http")
    def keep(request: Any, get_response: Any) -> Any:
        of_thread.request = request
        return get_response(request)

    def show(**variables: str) -> dict[str, Any]:
        request = of_thread.request
        return {
            "variables": variables,
            "query": {name: request.query_params.getlist(name) for name in request.query_params or {}},
            "body": request.raw_body.decode(),
            "type": request.headers.get("content-type"),
        }

    for path in ("/things/{thing}", "/things"):
        app.route(path, methods=["GET", "POST"], content_types=["application/json", "text/csv"])(show)
    app.route("/things/all", name="every")(lambda: {"all": True})
    app.route("/bytes", name="octets")(lambda: Response(b"\x00\xff", headers={"Content-Type": "application/pdf"}))
    app.route("/fails", name="fails")(lambda: 1 // 0)
    app.api.binary_types.append("application/pdf")

    @app.schedule(Rate(5, unit=Rate.MINUTES))
    def rollup_usage(_event: Any) -> dict[str, int]:
        return {"rolled_up": 3}

    @app.on_sqs_message(queue="usage-events")
    def receive(event: Any) -> dict[str, Any]:
        failed = [record.to_dict()["messageId"] for record in event if record.body == "bad"]
        return {"batchItemFailures": [{"itemIdentifier": one} for one in failed]}

    @app.lambda_function()
    def double(event: Any, _context: Any) -> dict[str, Any]:
        return {"n": event["n"] * 2}

    return app


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    running = LocalServer(_toy(), listen("127.0.0.1", 0))
    running.start()
    yield running
    running.stop()


@pytest.fixture
def connection(server: LocalServer) -> Iterator[http.client.HTTPConnection]:
    opened = http.client.HTTPConnection("127.0.0.1", int(server.url.rpartition(":")[2]), timeout=5)
    yield opened
    opened.close()


def _ask(connection: http.client.HTTPConnection, method: str, path: str, *rest: Any, **more: Any) -> tuple[int, Any]:
    connection.request(method, path, *rest, **more)
    answer = connection.getresponse()
    body = answer.read()
    return answer.status, json.loads(body) if body else None


def _raw(server: LocalServer, sent: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])), timeout=5) as opened:
        opened.sendall(sent)
        opened.shutdown(socket.SHUT_WR)
        received = b""
        while piece := opened.recv(65536):
            received += piece
    return received


def test_repeated_parameters_and_encoded_segments_arrive_decoded(connection: http.client.HTTPConnection) -> None:
    status, seen = _ask(connection, "GET", "/things/a%20b?filter[m]=x&filter%5Bm%5D=y+z&empty&from=10%2B02")
    assert status == 200
    assert seen["variables"] == {"thing": "a b"}
    assert seen["query"] == {"filter[m]": ["x", "y z"], "empty": [""], "from": ["10+02"]}


def test_a_literal_route_wins_over_a_variable(connection: http.client.HTTPConnection) -> None:
    assert _ask(connection, "GET", "/things/all") == (200, {"all": True})
    assert _ask(connection, "GET", "/things/all/")[1] == {"all": True}


def test_one_connection_serves_many_requests(connection: http.client.HTTPConnection) -> None:
    for body in (b"", b"one", "zwölf".encode()):
        assert _ask(connection, "POST", "/things", body, {"Content-Type": "text/csv"})[1]["body"] == body.decode()
    assert connection.sock is not None


def test_chunked_and_compressed_bodies_arrive_whole(connection: http.client.HTTPConnection) -> None:
    headers = {"Content-Type": "text/csv"}
    assert _ask(connection, "POST", "/things", iter([b"a" * 70_000, b"b"]), headers)[1]["body"] == "a" * 70_000 + "b"
    packed = headers | {"Content-Encoding": "gzip"}
    assert _ask(connection, "POST", "/things", gzip.compress(b"text"), packed)[1]["body"] == "text"
    assert _ask(connection, "POST", "/things", b"text", packed)[0] == 400


@pytest.mark.parametrize(
    ("size", "accepted", "is_packed"), [(2000, "gzip, br", True), (2000, "br", False), (20, "gzip", False)]
)
def test_answers_of_some_size_leave_compressed_for_who_accepts_that(
    connection: http.client.HTTPConnection, size: int, accepted: str, is_packed: bool
) -> None:
    headers = {"Content-Type": "text/csv", "Accept-Encoding": accepted}
    connection.request("POST", "/things", b"a" * size, headers)
    answer = connection.getresponse()
    body = answer.read()
    assert (answer.headers["Content-Encoding"] == "gzip") == is_packed
    assert int(answer.headers["Content-Length"]) == len(body)
    assert json.loads(gzip.decompress(body) if is_packed else body)["body"] == "a" * size


def test_an_unknown_path_is_a_problem(connection: http.client.HTTPConnection) -> None:
    status, problem = _ask(connection, "GET", "/nothing/here")
    assert (status, problem["type"]) == (404, "/problems/not-found")


def test_head_has_no_body_and_options_tells_the_methods(connection: http.client.HTTPConnection) -> None:
    assert _ask(connection, "HEAD", "/things")[1] is None
    connection.request("OPTIONS", "/things")
    answer = connection.getresponse()
    answer.read()
    assert answer.status == 204
    assert set((answer.headers["Allow"] or "").split(", ")) == {"GET", "POST", "OPTIONS"}


def test_bytes_are_answered_as_bytes(connection: http.client.HTTPConnection) -> None:
    connection.request("GET", "/bytes", headers={"Accept": "application/pdf"})
    answer = connection.getresponse()
    assert answer.read() == b"\x00\xff"
    assert answer.headers["Content-Type"] == "application/pdf"


def test_a_body_over_ten_megabytes_is_413(connection: http.client.HTTPConnection) -> None:
    status, problem = _ask(connection, "POST", "/things", b"x" * (10 * 1024 * 1024 + 1))
    assert (status, problem["type"]) == (413, "/problems/too-large")
    assert _ask(connection, "GET", "/things/1")[0] == 200


@pytest.mark.parametrize(
    "sent",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /things HTTP/1.1\r\nHost: a\r\nContent-Length: many\r\n\r\n",
        b"POST /things HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"POST /things HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nshort",
        b"POST /things HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"POST /things HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n0\r\n\r\n",
        b"POST /things HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST /things HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 200 + b"\r\n",
    ],
)
def test_a_request_that_cannot_be_read_gets_a_problem(server: LocalServer, sent: bytes) -> None:
    answer = _raw(server, sent)
    assert answer.startswith(b"HTTP/1.1 4")
    assert b"application/problem+json" in answer


def test_a_client_that_leaves_in_the_middle_stops_nothing(
    server: LocalServer, connection: http.client.HTTPConnection
) -> None:
    with socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2]))) as opened:
        opened.sendall(b"POST /things HTTP/1.1\r\nContent-Length: 100\r\n\r\nhalf")
    assert _ask(connection, "GET", "/things/1")[0] == 200


def test_threads_do_not_see_each_others_request(server: LocalServer) -> None:
    wrong: list[str] = []

    def ask(name: str) -> None:
        opened = http.client.HTTPConnection("127.0.0.1", int(server.url.rpartition(":")[2]))
        for n in range(50):
            seen = _ask(opened, "GET", f"/things/{name}?n={n}")[1]
            if seen["variables"]["thing"] != name or seen["query"]["n"] != [str(n)]:
                wrong.append(name)
        opened.close()

    threads = [threading.Thread(target=ask, args=(name,)) for name in ("a", "b", "c")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_the_clock_is_set_and_released(connection: http.client.HTTPConnection) -> None:
    assert _ask(connection, "POST", "/_local/clock", '{"now": "2023-11-16T20:00:00+01:00"}') == (
        200,
        {"now": "2023-11-16T19:00:00Z"},
    )
    assert clock.is_set()
    assert _ask(connection, "POST", "/_local/clock", '{"now": null}')[0] == 200
    assert not clock.is_set()


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/_local/clock", "{}", 422),
        ("/_local/clock", '{"now": "yesterday"}', 422),
        ("/_local/clock", '{"now": 1}', 422),
        ("/_local/clock", "{", 400),
        ("/_local/clock/x", "{}", 404),
        ("/_local/jobs", "", 404),
        ("/_local/jobs/unknown", "", 404),
        ("/_local/queues/unknown", "", 404),
        ("/_local/functions/unknown", "", 404),
        ("/_local/functions/double", "{", 400),
        ("/_local/", "", 404),
    ],
)
def test_a_wrong_local_request_is_refused(
    connection: http.client.HTTPConnection, path: str, body: str, status: int
) -> None:
    assert _ask(connection, "POST", path, body)[0] == status


def test_a_page_of_another_site_may_not_use_the_local_routes(connection: http.client.HTTPConnection) -> None:
    assert _ask(connection, "POST", "/_local/jobs/all", "", {"Origin": "http://elsewhere.example"})[0] == 403
    assert _ask(connection, "GET", "/_local/jobs/all")[0] == 405


def test_schedules_run_by_themselves_only_while_the_clock_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("local.jobs._FIRST_RUN_S", 0)
    monkeypatch.setattr("local.jobs._WAKE_S", 0.01)
    app = Chalice("scheduled")
    ran = threading.Event()

    @app.schedule("rate(5 minutes)")
    def tick(_event: Any) -> None:
        ran.set()
        raise RuntimeError("a job that fails runs again when it is due")

    jobs = Jobs(app)
    clock.set(datetime(2026, 1, 1, tzinfo=UTC))
    jobs.start()
    try:
        assert not ran.wait(0.1)
        clock.set(None)
        assert ran.wait(5)
    finally:
        clock.set(None)
        jobs.stop()


def test_jobs_queue_and_functions_run_the_handlers_of_the_app(connection: http.client.HTTPConnection) -> None:
    for name in ("rollup_usage", "all"):
        status, report = _ask(connection, "POST", f"/_local/jobs/{name}")
        assert (status, report["jobs"]) == (200, {"rollup_usage": {"rolled_up": 3}})
    assert _ask(connection, "POST", "/_local/queues/usage-events", "good") == (200, {"batchItemFailures": []})
    assert len(_ask(connection, "POST", "/_local/queues/usage-events", "bad")[1]["batchItemFailures"]) == 1
    assert _ask(connection, "POST", "/_local/functions/double", '{"n": 2}') == (200, {"n": 4})
