"""``python -m tests.releases.record VERSION`` records a release: once, when it is made, and never again.

What is stored has ids and hashes of the moment, so recording again gives other bytes, and would no longer be what that
release wrote.
"""

import argparse
import sys
from typing import Any

from tests.conftest import NOON  # isort: skip - it sets the environment that everything else reads
import app
from chalicelib.catalog.store import find_key, forget_definitions
from chalicelib.platform import auth, together
from chalicelib.platform.connection import client as dynamodb
from chalicelib.platform.settings import settings
from chalicelib.shared.clock import clock
from infra.safekeeping import stage_tables
from tests.client import ApiClient
from tests.conformance.engine_choice import open_tables
from tests.releases.answers import ask_everything
from tests.releases.past import NOW, live_through
from tests.releases.recorded import FOLDER, Release, write_release


def main(version: str) -> int:
    """Record a release from the code as it is."""
    if (FOLDER / version).exists():
        sys.stderr.write(f"{version} is recorded already: what a release wrote does not change.\n")
        return 1
    together.run_all = together.in_turn
    auth.use_key_source(find_key)
    forget_definitions()
    clock.set(NOON)
    with open_tables():
        write_release(*record(version))
    clock.set(None)
    size = sum(path.stat().st_size for path in (FOLDER / version).iterdir())
    sys.stderr.write(f"Recorded {version}: {size} bytes. Commit tests/releases/{version}.\n")
    return 0


def record(version: str) -> tuple[Release, dict[str, list[Any]]]:
    """Live through the past in tables that are there and empty; give what is to be written of it."""
    nobody = ApiClient(app.app, None)
    client = nobody.as_holder_of(nobody.make_key("admin"))
    live_through(client)
    link = client.post("/v1/organizations/acme/portal-links", {"expires_in": 86_400}).json_body["url"]
    once = {
        "path": "/v1/organizations/acme/credits/grants",
        "body": {"name": "Once", "amount": "1.00", "effective_at": "2026-04-01T00:00:00Z"},
        "headers": {"Idempotency-Key": "once-and-for-all"},
    }
    made = client.post(str(once["path"]), once["body"], headers={"Idempotency-Key": "once-and-for-all"})
    assert made.status_code == 201, made.body
    release = Release(
        version=version,
        now=NOW,
        admin_key=str(client.key),
        portal_token=link.partition("#token=")[2],
        secret=settings.signing_secret,
        once={**once, "answer": made.body.decode()},
        answers=ask_everything(client),
    )
    tables: dict[str, list[object]] = {}
    for table, name in stage_tables(settings.stage).items():
        pages = dynamodb().get_paginator("scan").paginate(TableName=name)
        tables[table] = [item for page in pages for item in page["Items"]]
    return release, tables


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.releases.record", description=__doc__)
    parser.add_argument("version", help="such as 0.2.0: what pyproject.toml says")
    sys.exit(main(parser.parse_args().version))
