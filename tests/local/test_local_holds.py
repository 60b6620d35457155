"""Holds by many at once, on the embedded engine, over HTTP: never oversold, and nobody is told to come back later."""

import threading
from collections import Counter

from local.client import Client
from tests.local.running import serving

MANY = 50


def test_of_fifty_holds_at_once_as_many_succeed_as_the_credit_covers() -> None:
    with serving("--data", "memory", "--empty", "--clock", "2026-01-10T00:00:00Z") as server:
        server.post("/v1/organizations", {"id": "acme", "name": "Acme"})
        for name, amount in (("a", "4.50"), ("b", "6.49")):
            server.post("/v1/organizations/acme/credits/grants", {"name": name, "amount": amount})
        statuses: list[int] = []
        ready = threading.Barrier(MANY)

        def hold(number: int) -> None:
            client = Client(server.ready["url"], server.ready["admin_key"], patience_s=0)
            ready.wait()
            sent = {"amount": "1.00", "expires_in": 60, "reference": f"job {number}"}
            statuses.append(client.post("/v1/organizations/acme/credits/holds", sent).status)
            client.close()

        threads = [threading.Thread(target=hold, args=(number,)) for number in range(MANY)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert Counter(statuses) == {201: 10, 409: MANY - 10}
        credit = server.get("/v1/organizations/acme/credits")
        assert (credit["held"], credit["remaining"]) == ("10.00", "0.99")
        holds = server.get("/v1/organizations/acme/credits/holds?status=open")["data"]
        assert len(holds) == 10
        released = server.client.send("POST", f"/v1/organizations/acme/credits/holds/{holds[0]['id']}/release")
        assert released.content["status"] == "released"
        server.post("/_local/clock", {"now": "2026-01-10T00:01:00Z"})
        jobs = server.post("/_local/jobs/settle_credits", {})["jobs"]
        assert jobs["settle_credits"] == {"settled": 1, "entries": 0, "failed": 0, "left": 0}
        assert server.get("/v1/organizations/acme/credits")["remaining"] == "10.99"
