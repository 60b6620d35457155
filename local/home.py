"""The folder of a local server: its secrets, readable by their owner only."""

import os
import secrets
from pathlib import Path


class Home:
    """Where a local server keeps what must be the same after a restart; without a folder it keeps nothing."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)

    def read(self, name: str) -> str | None:
        """Read what was kept under a name; ``None`` where nothing was."""
        if self.folder is None or not (self.folder / name).exists():
            return None
        return (self.folder / name).read_text().strip()

    def keep(self, name: str, text: str) -> None:
        """Keep a text under a name, in place of what was there."""
        if self.folder is None:
            return
        written = self.folder / f"{name}.new"
        descriptor = os.open(written, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text + "\n")
        written.replace(self.folder / name)

    def signing_secret(self) -> str:
        """Give the secret that seals cursors and portal tokens; made once."""
        kept = self.read("signing-secret")
        if kept is None:
            kept = secrets.token_urlsafe(32)
            self.keep("signing-secret", kept)
        return kept
