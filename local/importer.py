"""Sends a CSV or JSON-lines file as events.

Every row is checked before the first request. Then the rows go in batches, in the order of the file; a note beside the
file says how far the server has acknowledged them. A second run of an interrupted import asks the server whether it
still has the last acknowledged event and goes on behind it, else it begins again: the ids are the same each time, so
nothing counts twice.
"""

import json
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from chalicelib.shared.time import format_instant, parse_instant, quarter_hour_of
from local.client import Client, Unreachable
from local.import_check import Check, Refused, Rules, ask_rules
from local.rows import BadFile, BadRow, Columns, Row, RowReader, Target, key_of

SENT, FAILED, BAD_USE, WOULD_BE_REFUSED, INTERRUPTED = 0, 1, 2, 3, 130
_MAX_QUARTER_HOURS = 500
_MAX_BATCH_BYTES = 3_500_000
_FIRST_PATIENCE_S = 5
_SEARCHED_PAGES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """One call of the importer."""

    file: Path
    url: str
    key: str
    target: Target
    columns: Columns
    backfill: bool = False
    skip_invalid: bool = False
    batch_size: int = 2000
    patience_s: float = 300


class Note:
    """How far an import got, kept beside the file, or among temporary files where that folder is read-only."""

    def __init__(self, options: ImportOptions) -> None:
        words = (options.url, options.target, options.columns)
        name = f"{options.file.name}.{key_of(options.file, *words)[:12]}.import.json"
        self._places = [options.file.parent / name, Path(tempfile.gettempdir()) / f"meterfold-{name}"]

    def read(self) -> tuple[int, Row] | None:
        """Give the number of rows that were acknowledged and the last of them."""
        for place in self._places:
            if place.exists():
                kept = json.loads(place.read_text())
                return kept["rows"], Row(kept["line"], parse_instant(kept["time"]), {"id": kept["id"]}, "")
        return None

    def write(self, rows: int, last: Row) -> None:
        """Keep how many rows were acknowledged and the last of them."""
        text = json.dumps({"rows": rows, "line": last.line, "time": format_instant(last.time), "id": last.id})
        for place in self._places:
            try:
                written = place.with_suffix(".new")
                written.write_text(text)
                written.replace(place)
            except OSError:
                continue
            return

    def remove(self) -> None:
        """Forget it: the import is complete, or begins again."""
        for place in self._places:
            place.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of one request; ``walked`` counts the rows of the file up to its end, refused ones too."""

    rows: Sequence[Row]
    walked: int

    def body(self) -> bytes:
        """Write the request."""
        return f"[{','.join(row.text for row in self.rows)}]".encode()


def batches(rows: Iterable[Row | BadRow], check: Check, size: int) -> Iterator[Batch]:
    """Cut the good rows into requests within the limits of the API: events, bytes and quarter-hours."""
    gathered: list[Row] = []
    quarter_hours: set[int] = set()
    walked = length = 0
    for row in rows:
        if isinstance(row, Row) and row.line not in check.refused:
            quarter_hour = quarter_hour_of(row.time)
            full = len(gathered) == size or length + len(row.text) > _MAX_BATCH_BYTES
            if gathered and (full or len(quarter_hours | {quarter_hour}) > _MAX_QUARTER_HOURS):
                yield Batch(gathered, walked)
                gathered, quarter_hours, length = [], set(), 0
            gathered.append(row)
            quarter_hours.add(quarter_hour)
            length += 4 * len(row.text) if not row.text.isascii() else len(row.text) + 1
        walked += 1
    if gathered:
        yield Batch(gathered, walked)


class Import:
    """One run of the importer; what it tells a person goes to standard error."""

    def __init__(self, options: ImportOptions, console: Console | None = None) -> None:
        self._options = options
        self._console = console or Console(stderr=True, soft_wrap=True, highlight=False)
        self._client = Client(options.url, options.key, patience_s=_FIRST_PATIENCE_S)
        self._note = Note(options)

    def run(self) -> int:
        """Check the file, send it, and give the exit code."""
        try:
            reader = RowReader(self._options.file, self._options.columns, self._options.target)
            check = self._check(reader)
            if check.refused and not self._options.skip_invalid:
                self._console.print("Nothing was sent. --skip-invalid sends the good rows.", markup=False)
                return WOULD_BE_REFUSED
            return self._send(reader, check)
        except BadFile as bad:
            self._console.print(str(bad), markup=False)
            return BAD_USE
        except Refused as refused:
            self._console.print(str(refused), markup=False)
            return WOULD_BE_REFUSED
        except Unreachable as error:
            self._console.print(f"{error}. The same command goes on where this one stopped.", markup=False)
            return FAILED
        except KeyboardInterrupt:
            self._console.print("Interrupted. The same command goes on where this one stopped.", markup=False)
            return INTERRUPTED
        finally:
            self._client.close()

    def _check(self, reader: RowReader) -> Check:
        rules: Rules = ask_rules(self._client, self._options.target, backfill=self._options.backfill)
        check = Check()
        with self._progress() as progress:
            task = progress.add_task("checking", total=None)
            for row in reader.rows():
                check.add(row, rules)
                if check.rows % 1000 == 0:
                    progress.update(task, completed=check.rows)
        for line in check.report():
            self._console.print(line, markup=False)
        return check

    def _send(self, reader: RowReader, check: Check) -> int:
        self._client.patience_s = self._options.patience_s
        skipped = self._acknowledged()
        began, sent, rejected = time.monotonic(), 0, 0
        with self._progress() as progress:
            task = progress.add_task("sending", total=check.rows, completed=skipped)
            for batch in batches(reader.rows(), check, self._options.batch_size):
                if batch.walked <= skipped:
                    continue
                accepted = self._send_batch(batch)
                if accepted is None:
                    return FAILED
                sent, rejected = sent + accepted, rejected + len(batch.rows) - accepted
                self._note.write(batch.walked, batch.rows[-1])
                progress.update(task, completed=batch.walked)
            progress.update(task, completed=check.rows)
        self._note.remove()
        took = max(time.monotonic() - began, 0.001)
        self._console.print(f"{sent:,} events accepted in {took:.1f} s ({sent / took:,.0f}/s)", markup=False)
        return FAILED if rejected else SENT

    def _send_batch(self, batch: Batch) -> int | None:
        """Send one batch and give the number of accepted events; ``None`` when it was refused as a whole."""
        wanted = {"backfill": self._options.backfill, "partial": self._options.skip_invalid}
        query = "&".join(f"{name}=true" for name, value in wanted.items() if value)
        reply = self._client.send("POST", f"/v1/events?{query}".rstrip("?"), batch.body())
        if reply.status == 202:
            for rejected in reply.content.get("rejected", []):
                reasons = "; ".join(fault["detail"] for fault in rejected["errors"])
                self._console.print(f"line {batch.rows[rejected['index']].line}: {reasons}", markup=False)
            return int(reply.content["accepted"])
        lines = f"lines {batch.rows[0].line} to {batch.rows[-1].line}"
        self._console.print(f"The server refused {lines}: {reply.problem()}", markup=False)
        return None

    def _acknowledged(self) -> int:
        """Give the number of rows that need not be sent again."""
        kept = self._note.read()
        if kept is None:
            return 0
        rows, last = kept
        if self._has(last):
            self._console.print(f"Going on after {rows:,} rows that the server has.", markup=False)
            return rows
        self._console.print("The server does not show the last event of the earlier run; beginning again.")
        self._note.remove()
        return 0

    def _has(self, row: Row) -> bool:
        until = format_instant(row.time + timedelta(seconds=1))
        path = (
            f"/v1/organizations/{self._options.target.subject}/events?limit=200"
            f"&from={quote(format_instant(row.time))}&to={quote(until)}&source={quote(self._options.target.source)}"
        )
        cursor = ""
        for _ in range(_SEARCHED_PAGES):
            reply = self._client.get(path + cursor)
            if reply.status != 200:
                return False
            if any(event["id"] == row.id for event in reply.content["data"]):
                return True
            if not reply.content["next_cursor"]:
                return False
            cursor = f"&cursor={quote(reply.content['next_cursor'])}"
        return False

    def _progress(self) -> Progress:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        return Progress(*columns, console=self._console, disable=not sys.stderr.isatty())
