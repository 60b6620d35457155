"""What goes into the package: a clean copy of what is deployed, and the wheels of the lock."""

import hashlib
import json
import zipfile
from pathlib import Path

import pytest

from chalicelib.console.assets import PACKAGES
from infra.__main__ import COMMANDS, main
from infra.packaging import check_whole, copy_sources, read_zip
from infra.refusals import Unpackaged
from infra.wheels import check_hashes, constraints, fetch_wheels, pip_target

VENDOR = "chalicelib/console/static/vendor"
LOCK = """\
# written by make lock
boto3==1.43.106 \\
    --hash=sha256:{a} \\
    --hash=sha256:{b}
    # via -r requirements/../requirements.txt
colorama==0.4.6 ; sys_platform == 'win32' \\
    --hash=sha256:{c}
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A work tree with what is deployed, and much that is not."""
    root = tmp_path / "tree"
    files = {
        "app.py": "",
        "requirements.txt": "boto3==1.43.106\n",
        ".chalice/config.json": json.dumps({"version": "2.0", "app_name": "m"}),
        ".chalice/deployments/old.zip": "old",
        "chalicelib/__init__.py": "",
        "chalicelib/__pycache__/__init__.cpython-311.pyc": "",
        "chalicelib/.notes.py.swp": "",
        "chalicelib/jobs.py~": "",
        "tests/test_app.py": "",
        "secrets.env": "",
        **{f"{VENDOR}/{name}": "" for name in PACKAGES.values()},
    }
    for path, text in files.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    return root


def copied(project: Path) -> set[str]:
    return {str(path.relative_to(project)) for path in project.rglob("*") if path.is_file()}


def test_only_what_is_deployed_is_copied(tree: Path, tmp_path: Path) -> None:
    copy_sources(tree, tmp_path / "project", architecture="arm64")
    assert copied(tmp_path / "project") == {
        *("app.py", "requirements.txt", ".chalice/config.json", "chalicelib/__init__.py"),
        *(f"{VENDOR}/{name}" for name in PACKAGES.values()),
    }
    configuration = json.loads((tmp_path / "project/.chalice/config.json").read_text())
    assert configuration == {"version": "2.0", "app_name": "m", "lambda_architecture": "arm64"}


def test_without_the_consoles_packages_nothing_is_packaged(tree: Path, tmp_path: Path) -> None:
    (tree / VENDOR / "preact.js").unlink()
    with pytest.raises(Unpackaged, match=r"vendor lacks preact\.js: run `make assets` first"):
        copy_sources(tree, tmp_path / "project", architecture="arm64")
    assert not (tmp_path / "project").exists()


def test_a_wheel_that_chalice_left_out_is_found() -> None:
    wheels = ["pydantic_core-2.46.5-cp311-cp311-manylinux_2_17_x86_64.whl", "PyJWT-2.15.1-py3-none-any.whl"]
    files = {"pydantic_core-2.46.5.dist-info/METADATA": b"", "pyjwt-2.15.1.dist-info/METADATA": b""}
    check_whole(files, wheels)
    with pytest.raises(Unpackaged, match=r"left out pydantic_core-2\.46\.5"):
        check_whole({"pyjwt-2.15.1.dist-info/METADATA": b""}, wheels)


def test_a_zip_is_read_without_its_folders(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as opened:
        opened.mkdir("lib")
        opened.writestr("lib/a.py", b"1")
    assert read_zip((tmp_path / "a.zip").read_bytes()) == {"lib/a.py": b"1"}


def lock_of(*wheels: bytes) -> str:
    hashes = [hashlib.sha256(wheel).hexdigest() for wheel in wheels]
    return LOCK.format(**dict(zip("abc", hashes, strict=True)))


def test_the_lock_says_versions_and_for_which_systems() -> None:
    assert list(constraints(lock_of(b"1", b"2", b"3"))) == [
        "boto3==1.43.106",
        "colorama==0.4.6 ; sys_platform == 'win32'",
    ]


def test_a_wheel_that_is_not_the_locked_one_is_refused(tmp_path: Path) -> None:
    (tmp_path / "boto3-1.43.106-py3-none-any.whl").write_bytes(b"2")
    check_hashes(tmp_path, lock_of(b"1", b"2", b"3"))
    with pytest.raises(Unpackaged, match=r"no hash of boto3-1\.43\.106"):
        check_hashes(tmp_path, lock_of(b"1", b"other", b"3"))


def test_wheels_are_fetched_once_for_each_architecture_lock_and_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    requirements, lock = tmp_path / "requirements.txt", tmp_path / "dev.txt"
    requirements.write_text("boto3==1.43.106\n")
    lock.write_text(lock_of(b"1", b"2", b"3"))
    fetched: list[str] = []

    def download(requirements: Path, lock: Path, *, architecture: str, into: Path) -> None:
        del requirements, lock
        fetched.append(architecture)
        into.mkdir()
        (into / "boto3-1.43.106-py3-none-any.whl").write_bytes(b"2")

    monkeypatch.setattr("infra.wheels._download", download)
    kept = tmp_path / "kept"
    first = fetch_wheels(requirements, lock, architecture="arm64", kept_in=kept)
    assert fetch_wheels(requirements, lock, architecture="arm64", kept_in=kept) == first
    assert [path.name for path in first.iterdir()] == ["boto3-1.43.106-py3-none-any.whl"]
    fetch_wheels(requirements, lock, architecture="x86_64", kept_in=kept)
    requirements.write_text("boto3==1.43.107\n")
    fetch_wheels(requirements, lock, architecture="arm64", kept_in=kept)
    assert fetched == ["arm64", "x86_64", "arm64"]


def test_of_two_first_runs_at_once_both_give_the_wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    requirements, lock = tmp_path / "requirements.txt", tmp_path / "dev.txt"
    requirements.write_text("boto3==1.43.106\n")
    lock.write_text(lock_of(b"1", b"2", b"3"))

    faster: list[Path] = []
    began: list[Path] = []

    def download(*_: Path, architecture: str, into: Path) -> None:
        into.mkdir()
        (into / "boto3-1.43.106-py3-none-any.whl").write_bytes(b"2")
        began.append(into)
        if len(began) == 1:
            faster.append(fetch_wheels(requirements, lock, architecture=architecture, kept_in=tmp_path / "kept"))

    monkeypatch.setattr("infra.wheels._download", download)
    given = fetch_wheels(requirements, lock, architecture="arm64", kept_in=tmp_path / "kept")
    assert [given] == faster
    assert [path.name for path in given.iterdir()] == ["boto3-1.43.106-py3-none-any.whl"]


def test_kept_wheels_are_looked_at_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    requirements, lock = tmp_path / "requirements.txt", tmp_path / "dev.txt"
    requirements.write_text("boto3==1.43.106\n")
    lock.write_text(lock_of(b"1", b"2", b"3"))

    def download(*_: Path, architecture: str, into: Path) -> None:
        into.mkdir()
        (into / "boto3-1.43.106-py3-none-any.whl").write_bytes(b"2")

    monkeypatch.setattr("infra.wheels._download", download)
    kept = fetch_wheels(requirements, lock, architecture="arm64", kept_in=tmp_path / "kept")
    (kept / "boto3-1.43.106-py3-none-any.whl").write_bytes(b"2 and more")
    with pytest.raises(Unpackaged, match=r"no hash of boto3-1\.43\.106"):
        fetch_wheels(requirements, lock, architecture="arm64", kept_in=tmp_path / "kept")


def test_what_pip_refuses_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    requirements, lock = tmp_path / "requirements.txt", tmp_path / "dev.txt"
    requirements.write_text("")
    lock.write_text("")

    def download(*_: object, **named: object) -> None:
        raise Unpackaged("no wheel")

    monkeypatch.setattr("infra.wheels._download", download)
    with pytest.raises(Unpackaged):
        fetch_wheels(requirements, lock, architecture="arm64", kept_in=tmp_path / "kept")
    assert list((tmp_path / "kept").iterdir()) == []


def test_pip_is_asked_for_wheels_of_the_other_system() -> None:
    for architecture, machine in (("arm64", "aarch64"), ("x86_64", "x86_64")):
        target = pip_target(architecture)
        assert target["only-binary"] == [":all:"]
        assert all(each.startswith("manylinux") and each.endswith(f"_{machine}") for each in target["platform"])


def test_the_command_line_has_a_table_of_commands(capsys: pytest.CaptureFixture[str]) -> None:
    for name in COMMANDS:
        with pytest.raises(SystemExit) as ended:
            main([name, "--help"])
        assert ended.value.code == 0
        assert f"python -m infra {name}" in capsys.readouterr().out


def test_a_refusal_is_told_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise Unpackaged("the reason")

    monkeypatch.setattr("infra.bundle.build_package", refuse)
    assert main(["package", "--stage", "dev"]) == 1
    assert capsys.readouterr().err == "the reason\n"
