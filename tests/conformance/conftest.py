"""What needs a server of its own is collected only where one was named: a fresh machine has no Java."""

import os

from tests.conformance.dynamodb_local import ADDRESS

collect_ignore_glob = [] if ADDRESS in os.environ else ["test_dynamodb_local*.py"]
