"""Functions of the tests' own, which run beside those of the stack: from the same bundle, under the role of one.

This file is added to the bundle and imported by Lambda, not by the tests, which only read its name and its text.
"""

import sys
from typing import Any


def list_imported(event: Any, context: Any) -> list[str]:
    """Import the app, and list every file that a module came from."""
    import app

    assert app.app.routes
    return sorted({str(one.__file__) for one in list(sys.modules.values()) if getattr(one, "__file__", None)})


def attempt(calls: list[list[Any]], context: Any) -> list[str]:
    """Make calls (service, operation, arguments) and tell of each how it was refused, or that it was ``done``."""
    from botocore.exceptions import ClientError
    from botocore.session import get_session

    told = []
    for service, operation, arguments in calls:
        try:
            getattr(get_session().create_client(service), operation)(**arguments)
            told.append("done")
        except ClientError as refusal:
            told.append(refusal.response["Error"]["Code"])
    return told
