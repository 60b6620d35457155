"""A started server keeps what it was given, whatever ends it."""

import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from local.client import Client, Unreachable
from local.demo import METERS, UNUSED_METER
from tests.local.running import Running, command, serving

METER = {"key": "calls", "name": "Calls", "event_type": "call", "aggregation": "count"}


def _event(number: int, time: str) -> dict[str, Any]:
    return {"id": str(number), "source": "test", "type": "call", "subject": "acme", "time": time, "data": {}}


def _run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*arguments), check=False, capture_output=True, text=True, timeout=20)


def _now(server: Running) -> str:
    now: str = server.get("/_local/clock")["now"]
    return now


def _calls(server: Running) -> int:
    usage = server.get("/v1/organizations/acme/usage?meter=calls")
    return int(usage["data"][0]["total"])


def test_a_restart_keeps_key_secrets_and_data(tmp_path: Path) -> None:
    with serving("--data", tmp_path, "--clock", "2026-03-01T12:00:00Z") as first:
        assert set(first.ready) == {"url", "console_url", "admin_key"}
        assert first.ready["console_url"] == f"{first.ready['url']}/console#key={first.ready['admin_key']}"
        assert first.get("/v1/session")["role"] == "admin"
        assert first.get("/v1/settings")["create_unknown_organizations"] is True
        assert _now(first) == "2026-03-01T12:00:00Z"
        first.post("/v1/meters", METER)
        first.post("/v1/events", [_event(1, "2026-03-01T11:00:00Z")])
        refused = _run("serve", "--port", 0, "--data", tmp_path)
        assert (refused.returncode, "Another server" in refused.stderr) == (2, True)
        first.process.send_signal(signal.SIGTERM)
        assert first.process.wait(20) == 0
        assert first.process.stdout is not None
        assert first.process.stdout.read() == ""
    for name in ("admin-key", "signing-secret"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    with serving("--data", tmp_path, "--clock", "2026-03-01T12:00:00Z", "--admin-key", "a word") as second:
        assert second.ready["admin_key"] == "a word"
        assert second.ready["console_url"].endswith("/console#key=a%20word")
        assert _calls(second) == 1
        kept = Client(second.ready["url"], first.ready["admin_key"])
        assert kept.get("/v1/session").status == 200


def test_everything_acknowledged_before_a_kill_is_there_afterwards(tmp_path: Path) -> None:
    acknowledged: list[int] = []

    def send(server: Running, time: str, first: int) -> None:
        client = Client(server.ready["url"], server.ready["admin_key"], patience_s=0)
        for number in range(first, first + 10_000):
            try:
                reply = client.post("/v1/events", [_event(number, time)])
            except Unreachable:
                return
            assert reply.status == 202, reply.text
            acknowledged.append(number)

    with serving("--data", tmp_path) as server:
        server.post("/v1/meters", METER)
        writers = [threading.Thread(target=send, args=(server, _now(server), first)) for first in (0, 10_000)]
        for writer in writers:
            writer.start()
        while len(acknowledged) < 150:
            assert all(writer.is_alive() for writer in writers)
            writers[0].join(0.01)
        server.kill()
        for writer in writers:
            writer.join()
    with serving("--data", tmp_path) as server:
        # A request that was cut off may have been carried out as well: one for each writer.
        assert len(acknowledged) <= _calls(server) <= len(acknowledged) + 2


def test_an_import_outlives_a_kill_of_the_server(tmp_path: Path) -> None:
    path = tmp_path / "trace.csv"
    rows = [f"2023-11-16 18:{n // 120:02}:{n % 60:02}.1234567,{n}.5" for n in range(3000)]
    path.write_text("\n".join(["TIMESTAMP,tokens", *rows]) + "\n")
    meter = {"key": "tokens", "name": "Tokens", "event_type": "inference", "aggregation": "sum", "value": "tokens"}
    arguments = ("--data", tmp_path / "data", "--clock", "2023-11-16T19:00:00Z", "--admin-key", "key")
    with serving(*arguments) as server:
        server.post("/v1/meters", meter)
        url = server.ready["url"]
        words = ("--url", url, "--key", "key", "--type", "inference", "--subject", "acme", "--batch-size", 20)
        importing = subprocess.Popen(command("import", path, *words), stderr=subprocess.PIPE, text=True)
        while not list(tmp_path.glob("*.import.json")):
            assert importing.poll() is None
        server.kill()
        assert importing.poll() is None
    with serving(*arguments, port=int(url.rpartition(":")[2])) as server:
        assert importing.wait(30) == 0
        usage = server.get("/v1/organizations/acme/usage?meter=tokens")
        assert usage["data"][0]["total"] == str(sum(range(3000)) + 1500)


def _demo_totals(server: Running) -> dict[str, str]:
    used = server.get("/v1/organizations/acme-ai/usage")["data"]
    report = server.post("/_local/jobs/rollup_usage", {})["jobs"]["rollup_usage"]
    assert report["rollup"] == {"rolled_up": 0, "left": 0, "unfinished": []}
    assert server.get("/v1/organizations/acme-ai/events?source=demo-live")["data"] == []
    return {meter["meter"]: meter["total"] for meter in used}


def test_demo_data_is_there_at_the_start_and_is_not_doubled_by_the_next(tmp_path: Path) -> None:
    def totals(now: str) -> dict[str, str]:
        with serving("--data", tmp_path, "--demo", "--clock", now) as server:
            return _demo_totals(server)

    first = totals("2026-03-03T10:20:00Z")
    assert set(first) == {meter["key"] for meter in METERS} - {UNUSED_METER}
    (tmp_path / "demo-until").unlink()
    assert totals("2026-03-03T10:20:00Z") == first
    later = totals("2026-03-04T10:20:00Z")
    assert int(later["inference_requests"]) > int(first["inference_requests"])
    (tmp_path / "demo-edition").write_text("2")
    assert totals("2026-03-05T10:20:00Z")["inference_requests"] == later["inference_requests"]


def test_the_demo_tells_a_person_where_the_console_opens(tmp_path: Path) -> None:
    arguments = ("--data", tmp_path, "--clock", "2026-03-03T10:20:00Z")
    with serving(*arguments, "--demo", demo="demo.DAYS = 1") as first:
        first.process.send_signal(signal.SIGTERM)
        assert first.process.wait(20) == 0
        assert first.process.stderr is not None
        operator, customer = first.process.stderr.read().splitlines()[-2:]
    assert operator.endswith(f" {first.ready['console_url']}")
    assert f" {first.ready['url']}/console#token=" in customer
    with serving(*arguments) as second:
        session = Client(second.ready["url"], customer.partition("#token=")[2]).get("/v1/session").content
        assert (session["organization"], session["expires_at"]) == ("acme-ai", "2026-03-04T10:20:00Z")


def test_live_traffic_goes_on_where_the_history_of_the_demo_ends(tmp_path: Path) -> None:
    demo = "demo.DAYS = 1; from local import demo_traffic; demo_traffic._PAUSE_MS = range(5, 10)"

    def events(server: Running, source: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = server.get(f"/v1/organizations/acme-ai/events?source={source}&limit=200")["data"]
        return found

    with serving("--data", tmp_path, "--demo", demo=demo) as server:
        while len(live := events(server, "demo-live")) < 10:
            assert server.process.poll() is None
        assert {event["state"] for event in live} == {"counted"}
        assert events(server, "demo")[0]["time"] < live[-1]["time"]
        drawn = len(events(server, "demo"))
    noted = (tmp_path / "demo-until").read_text().strip()
    assert noted >= live[0]["time"]
    with serving("--data", tmp_path, "--demo", "--no-traffic", demo=demo) as server:
        assert len(events(server, "demo")) == drawn
        assert (tmp_path / "demo-until").read_text().strip() == noted


def test_data_in_memory_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path.cwd()))
    monkeypatch.chdir(tmp_path)
    with serving("--data", "memory", "--empty") as server:
        assert server.get("/v1/organizations")["data"] == []
        made = server.post("/_local/functions/create_api_key", {"name": "ingest", "role": "ingest"})
        client = Client(server.ready["url"], made["secret"])
        assert client.get("/v1/session").content["role"] == "ingest"
        sent = server.post("/_local/queues/usage-events", _event(1, _now(server)))
        assert sent == {"batchItemFailures": []}
    assert list(tmp_path.iterdir()) == []


def test_quickstart_shows_each_call_and_its_answer_and_runs_again() -> None:
    with serving("--data", "memory") as server:
        told = []
        for _ in range(2):
            done = _run("quickstart", "--url", server.ready["url"], "--key", server.ready["admin_key"])
            assert done.returncode == 0, done.stdout + done.stderr
            told.append(done.stdout)
    assert [one.count("curl -s") for one in told] == [7, 7]
    assert "The draft's line: Tokens, 1250 tokens, 2.25 USD = 1,000 x 0.002 + 250 x 0.001 = 2.25" in told[0]
    assert "The draft's line: Tokens, 2500 tokens, 3.50 USD" in told[1]
    assert "sub_quickstart.2" not in told[1]


def test_importing_the_command_reads_no_settings_of_the_app() -> None:
    """The environment is prepared before the app reads it."""
    code = "import sys, local.serve; print('chalicelib.platform.settings' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "False\n"
