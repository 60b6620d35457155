"""The zip: bytecode for Lambda, the same bytes each time, and never too heavy."""

import importlib.util
import io
import marshal
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from types import CodeType

import pytest

from infra import archive
from infra.archive import Sizes, check_sizes, sizes_of, write_zip
from infra.bundle import bundle_of
from infra.bytecode import TASK_ROOT, compile_files
from infra.refusals import Unpackaged

FILES = {
    "app.py": b"import chalicelib.core\nassert chalicelib.core.size('a') == 1\nVALUE = {'x', 'y', 'z', 'w'} and 'ok'\n",
    "chalicelib/__init__.py": b"",
    "chalicelib/core.py": b'"""Core."""\nimport lib\n\n\ndef size(text: str) -> int:\n    return lib.length(text)\n',
    "lib.py": b'def length(text):\n    """Count."""\n    assert text, "nothing"\n    return len(text)\n',
    "lib.json": b"{}",
}
CORE = importlib.util.cache_from_source("chalicelib/core.py")


@pytest.fixture
def compiled(tmp_path: Path) -> Mapping[str, bytes]:
    return compile_files(FILES, tmp_path)


def code_of(bytecode: bytes) -> CodeType:
    code = marshal.loads(bytecode[16:])  # noqa: S302 - our own bytes
    assert isinstance(code, CodeType)
    return code


def test_bytecode_is_never_compared_with_a_source(compiled: Mapping[str, bytes]) -> None:
    for path in (CORE, "lib.pyc"):
        header = compiled[path][:16]
        assert header[:4] == importlib.util.MAGIC_NUMBER
        # By PEP 552: bit 0 says that a hash follows, bit 1 that Python should check it.
        assert int.from_bytes(header[4:8], "little") == 0b01
    assert compiled[CORE][8:16] == importlib.util.source_hash(FILES["chalicelib/core.py"])


def test_bytecode_names_places_on_lambda_and_keeps_asserts_and_docstrings(compiled: Mapping[str, bytes]) -> None:
    assert code_of(compiled[CORE]).co_filename == f"{TASK_ROOT}/chalicelib/core.py"
    length = next(each for each in code_of(compiled["lib.pyc"]).co_consts if isinstance(each, CodeType))
    assert (length.co_filename, length.co_consts[0]) == (f"{TASK_ROOT}/lib.py", "Count.")
    assert "AssertionError" in [*length.co_names, *length.co_consts] or "nothing" in length.co_consts


def test_own_sources_go_along_and_those_of_libraries_do_not(compiled: Mapping[str, bytes]) -> None:
    own = {"app.py", "chalicelib/__init__.py", "chalicelib/core.py"}
    assert {path for path in compiled if path.endswith(".py")} == own
    bytecode = {importlib.util.cache_from_source(path) for path in own}
    assert {path for path in compiled if path.endswith(".pyc")} == bytecode | {"lib.pyc"}
    assert compiled["lib.json"] == b"{}"


def test_a_source_that_does_not_compile_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unpackaged, match=r"broken\.py"):
        compile_files({**FILES, "broken.py": b"def f(:"}, tmp_path)


def test_the_zip_runs_as_it_is_deployed(tmp_path: Path) -> None:
    content = bundle_of({**FILES, "lib-1.0.dist-info/METADATA": b"Name: lib", "unused.py": b""})
    folder = tmp_path / "task"
    zipfile.ZipFile(io.BytesIO(content)).extractall(folder)
    # Without any source nothing but the bytecode can run.
    for source in folder.rglob("*.py"):
        source.write_text("raise SystemExit('the source was read')")
    program = "import sys; sys.path.insert(0, sys.argv[1]); import app; print(app.VALUE)"
    command = [sys.executable, "-I", "-S", "-c", program, str(folder)]
    assert subprocess.check_output(command, text=True) == "ok\n"
    assert not (folder / "unused.pyc").exists()


def test_equal_files_give_equal_bytes_wherever_they_are_built(tmp_path: Path) -> None:
    first = write_zip(compile_files(FILES, tmp_path / "one"))
    longer = tmp_path / "another/and/longer"
    shutil.rmtree(tmp_path / "one")
    backwards = dict(reversed(FILES.items()))
    assert write_zip(compile_files(backwards, longer)) == first
    assert write_zip(compile_files({**FILES, "lib.json": b"[]"}, tmp_path / "third")) != first


def test_entries_are_sorted_readable_files_of_one_time() -> None:
    with zipfile.ZipFile(io.BytesIO(write_zip({"b/c.py": b"1", "a.so": b"2" * 999}))) as opened:
        entries = opened.infolist()
        assert opened.testzip() is None
    assert [one.filename for one in entries] == ["a.so", "b/c.py"]
    assert {one.date_time for one in entries} == {(1980, 1, 1, 0, 0, 0)}
    assert {one.external_attr >> 16 for one in entries} == {0o100644}
    assert {one.compress_type for one in entries} == {zipfile.ZIP_DEFLATED}


def weighed(files: Mapping[str, bytes]) -> Sizes:
    return sizes_of(write_zip(files))


def test_sizes_tell_what_each_package_weighs_and_what_pdf_does() -> None:
    noise = bytes(range(256))
    sizes = weighed({"app.py": noise, "lib/a.pyc": noise, "lib/b.pyc": noise, "pydyf/__init__.pyc": noise})
    packed = sizes.parts["app"]
    assert 200 < packed < 300
    assert sizes.parts == {"lib": 2 * packed, "app": packed, "pydyf": packed}
    assert (sizes.pdf, sizes.without_pdf, sizes.unpacked) == (packed, sizes.whole - packed, 4 * 256)
    own = weighed({"chalicelib/invoices/pdf_text.py": noise, CORE.replace("core", "pricing"): noise})
    assert own.pdf == packed


def test_a_zip_that_is_too_heavy_is_refused_with_its_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = weighed({"lib/a.pyc": bytes(range(256)), "pydyf/a.pyc": bytes(range(256))})
    for name, limit in (("MOST_BYTES", sizes.whole), ("MOST_BYTES_WITHOUT_PDF", sizes.without_pdf)):
        with monkeypatch.context() as patch:
            patch.setattr(archive, name, limit)
            check_sizes(sizes)
            patch.setattr(archive, name, limit - 1)
            with pytest.raises(Unpackaged, match=r"too large(.|\n)*pydyf"):
                check_sizes(sizes)
