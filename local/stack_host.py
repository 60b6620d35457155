"""The process in which AWS runs for ``stack up``: ministack, with a bare Python for the functions.

It ends by itself when whoever started it is gone, however that went: then the pipe it reads from ends.
"""

import os
import signal
import sys
import threading

BARE_PYTHON = "METERFOLD_BARE_PYTHON"


def main() -> None:
    """Serve AWS as the environment says, until told to stop."""
    # What ministack runs the functions with: nothing but the standard library and their own zip.
    sys.executable = os.environ[BARE_PYTHON]
    threading.Thread(target=_stop_with_parent, daemon=True).start()
    sys.argv = ["ministack"]
    from ministack.app import main as serve

    serve()


def _stop_with_parent() -> None:
    # Not by sys.stdin, whose lock this thread would still hold when the interpreter ends.
    os.read(0, 1)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
