"""Fetching what checks the pages, run as a program, with stand-ins for npm and Node on the path."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import fetching
from tests.web import fetch

# What npm would install for this machine.
INSTALL = """
mkdir -p node_modules/@typescript/typescript-linux-x64/lib node_modules/@biomejs/cli-linux-x64
touch node_modules/@typescript/typescript-linux-x64/lib/tsc node_modules/@biomejs/cli-linux-x64/biome
echo "$@" >> asked
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Where it may fetch into."""
    folder = tmp_path / "tests" / "web"
    folder.mkdir(parents=True)
    for name in ("fetch.py", "package.json", "package-lock.json"):
        shutil.copy(Path(fetch.__file__).with_name(name), folder / name)
    shutil.copy(fetching.__file__, tmp_path / "tests" / "fetching.py")
    return tmp_path


def fetched(project: Path, npm: str, node: str = "v20.19.0") -> subprocess.CompletedProcess[str]:
    programs = project / "bin"
    programs.mkdir(exist_ok=True)
    for name, text in (("npm", npm), ("node", f"echo {node}")):
        (programs / name).write_text(f"#!/bin/sh\n{text}\n")
        (programs / name).chmod(0o755)
    return subprocess.run(
        [sys.executable, project / "tests" / "web" / "fetch.py"],
        env={**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_programs_are_linked_and_a_second_run_finds_them_and_says_nothing(project: Path) -> None:
    done = fetched(project, INSTALL)
    assert done.returncode == 0, done.stderr
    programs = project / ".web" / "bin"
    assert {path.name for path in programs.iterdir() if path.exists()} == {"biome", "node", "tsc"}
    again = fetched(project, "exit 1")
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")


def test_another_list_is_fetched_anew_and_no_package_runs_a_script_of_its_own(project: Path) -> None:
    fetched(project, INSTALL)
    lists = project / "tests" / "web" / "package.json"
    lists.write_text(lists.read_text() + "\n")
    fetched(project, INSTALL)
    asked = (project / ".web" / "asked").read_text().splitlines()
    assert len(asked) == 2
    assert all(line.startswith("ci --ignore-scripts ") for line in asked)


def test_what_npm_says_when_it_cannot_is_passed_on_and_tried_again(project: Path) -> None:
    done = fetched(project, "echo no such registry >&2; exit 1")
    assert "no such registry" in done.stderr
    assert (done.returncode, done.stdout) == (1, "")
    assert fetched(project, INSTALL).returncode == 0


@pytest.mark.parametrize(
    ("said", "version"), [("v20.19.5", (20, 19)), ("v18.19.0", (18, 19)), ("v24.0.0", (24, 0)), ("oh", (0, 0))]
)
def test_a_node_that_is_too_old_is_known_by_its_version(tmp_path: Path, said: str, version: tuple[int, int]) -> None:
    node = tmp_path / "node"
    node.write_text(f"#!/bin/sh\necho {said}\n")
    node.chmod(0o755)
    assert fetching.version(node) == version
    assert fetching.version(tmp_path / "none") == (0, 0)


def test_what_this_machine_fetched_is_found_and_nothing_is_said() -> None:
    done = subprocess.run([sys.executable, fetch.__file__], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
