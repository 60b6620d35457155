"""Makes the package of a stage: the zip that Lambda runs and the template that deploys it.

``chalice package`` on a clean copy (``packaging.py``) with checked wheels (``wheels.py``), then trimmed
(``slimming.py``), compiled (``bytecode.py``) and written so that equal sources give equal bytes (``archive.py``).
"""

import argparse
import hashlib
import json
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.archive import Sizes, check_sizes, sizes_of, write_zip
from infra.arguments import stage_name
from infra.bytecode import compile_files
from infra.packaging import chalice_package
from infra.slimming import slim
from infra.template import ARCHITECTURES, merged_template, with_code
from infra.wheels import fetch_wheels

__all__ = ["Package", "add_arguments", "build_package", "bundle_of", "run"]

ROOT = Path(__file__).parent.parent
BUNDLE, TEMPLATE = "bundle.zip", "template.json"


@dataclass(frozen=True, slots=True)
class Package:
    """A stage as it can be deployed: the zip, the template that refers to it, and what the zip weighs."""

    bundle: Path
    template: Mapping[str, Any]
    sizes: Sizes

    @property
    def sha256(self) -> str:
        """Give the hash of the zip: equal for equal sources."""
        return hashlib.sha256(self.bundle.read_bytes()).hexdigest()


def build_package(folder: Path, *, stage: str, architecture: str = "arm64", root: Path = ROOT) -> Package:
    """Write ``bundle.zip`` and ``template.json`` into a folder. Raises ``Unpackaged``.

    ``architecture`` is ``arm64`` or ``x86_64``; the run time is the Python that packages.
    """
    kept_in = root / "build" / "wheels"
    lock = root / "requirements" / "dev.txt"
    wheels = fetch_wheels(root / "requirements.txt", lock, architecture=architecture, kept_in=kept_in)
    with tempfile.TemporaryDirectory() as scratch:
        packaged = chalice_package(root, Path(scratch), wheels, stage=stage, architecture=architecture)
    content = bundle_of(packaged.files)
    sizes = sizes_of(content)
    check_sizes(sizes)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / BUNDLE).write_bytes(content)
    template = merged_template(with_code(packaged.template, f"./{BUNDLE}"), stage=stage, architecture=architecture)
    (folder / TEMPLATE).write_text(json.dumps(template, indent=2) + "\n")
    return Package(folder / BUNDLE, template, sizes)


def bundle_of(files: Mapping[str, bytes]) -> bytes:
    """Make the zip of what Chalice packaged."""
    with tempfile.TemporaryDirectory() as scratch:
        return write_zip(compile_files(slim(files), Path(scratch)))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command line takes."""
    parser.add_argument("folder", type=Path, nargs="?", help="where to write; build/STAGE unless said")
    parser.add_argument("--stage", type=stage_name, default="dev", help="name of the stage, such as dev or prod")
    parser.add_argument("--architecture", choices=ARCHITECTURES, default="arm64")


def run(options: argparse.Namespace) -> int:
    """Package from the command line: what it weighs on standard error, one line of JSON on standard output."""
    folder = options.folder or ROOT / "build" / options.stage
    package = build_package(folder, stage=options.stage, architecture=options.architecture)
    print("\n".join(package.sizes.lines()), file=sys.stderr)
    told = {
        "bundle": str(package.bundle),
        "template": str(folder / TEMPLATE),
        "bytes": package.sizes.whole,
        "sha256": package.sha256,
    }
    print(json.dumps(told))
    return 0
