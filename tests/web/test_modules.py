"""The tests of the pages' modules that need no browser, by Node's own runner: one test here for each file."""

import subprocess
from pathlib import Path

import pytest

from tests.web.fetch import NODE

HERE = Path(__file__).resolve().parent
# Node says of every module that no package.json calls it one; it reads them all the same.
RUN = ("--disable-warning=MODULE_TYPELESS_PACKAGE_JSON", "--test-reporter=spec", "--test")


@pytest.mark.parametrize("name", sorted(path.name for path in HERE.glob("*.test.js")))
def test_what_the_modules_promise(name: str) -> None:
    assert NODE.exists(), "Node and what checks the pages are not there; run: make web-tools"
    done = subprocess.run([NODE, *RUN, HERE / name], capture_output=True, text=True, check=False, timeout=100)
    if done.returncode != 0:
        pytest.fail(f"{done.stdout}{done.stderr}", pytrace=False)
