"""Saves an organization's credits ledger as JSON lines, newest entry first, for ``verify_ledger.py`` to check.

Pages follow one another below a seq, so what is booked meanwhile moves nothing: it is not in the file. A file gets its
name when it is complete.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import quote

from local.client import Client, Unreachable

EXPORTED, FAILED = 0, 1
_PAGE = 200


class ExportRefused(Exception):
    """The API refused to list the ledger."""


def list_ledger(client: Client, organization: str) -> Iterator[dict[str, Any]]:
    """List the entries of a ledger as the API shows them, newest first; raises ``ExportRefused``, ``Unreachable``."""
    path = f"/v1/organizations/{quote(organization, safe='')}/credits/ledger?limit={_PAGE}"
    cursor: str | None = ""
    while cursor is not None:
        reply = client.get(f"{path}&cursor={quote(cursor, safe='')}" if cursor else path)
        if reply.status != 200:
            raise ExportRefused(reply.problem())
        yield from reply.content["data"]
        cursor = reply.content["next_cursor"]


def export_ledger(client: Client, organization: str, out: Path | None) -> int:
    """Write a ledger to a file, or to standard output, and give the exit code."""
    part = None if out is None else out.with_name(f"{out.name}.part")
    try:
        with nullcontext(sys.stdout) if part is None else part.open("w", encoding="utf-8") as stream:
            count = _write(client, organization, stream)
        if part is not None and out is not None:
            part.replace(out)
    except (ExportRefused, Unreachable, OSError) as fault:
        print(f"not exported: {fault}", file=sys.stderr)
        return FAILED
    finally:
        client.close()
        if part is not None:
            part.unlink(missing_ok=True)
    print(f"exported {count} entries{'' if out is None else f' to {out}'}", file=sys.stderr)
    return EXPORTED


def _write(client: Client, organization: str, stream: TextIO) -> int:
    count = 0
    for entry in list_ledger(client, organization):
        stream.write(json.dumps(entry) + "\n")
        count += 1
    return count
