"""The house rules that no linter knows (architecture.md, style.md)."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("edge", "session_svc", "synthesis_svc", "transcription_svc", "translation_svc")
PAGE_LINES = 60


def tracked() -> list[Path]:
    """Every file under version control."""
    # Whoever the folder belongs to.
    git = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z"]
    listed = subprocess.run(git, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


def texts() -> Iterator[tuple[str, str]]:
    """Name and text of every tracked file that is text."""
    for path in tracked():
        try:
            yield str(path.relative_to(ROOT)), path.read_text("utf-8")
        except UnicodeDecodeError:
            continue


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_wired_on_one_page(service: str) -> None:
    assert len((ROOT / service / "__main__.py").read_text("utf-8").splitlines()) <= PAGE_LINES


def test_no_file_names_a_package_registry() -> None:
    # Put together here, so that this file does not name them either.
    names = (("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("npmjs", "com"), ("debian", "org"))
    hosts = [".".join(parts) for parts in names]
    assert [(name, host) for name, text in texts() for host in hosts if host in text] == []


def test_no_file_names_a_folder_of_the_machine_it_was_written_on() -> None:
    # A short root, such as a container's, may be named for good reasons.
    here = re.escape(str(ROOT)) if len(ROOT.parts) > 2 else "(?!)"
    homes = re.compile(rf"{here}\b|/home/\w+/|/Users/\w+/|(?<!\w)/roo[t]/")
    assert [(name, found[0]) for name, text in texts() if (found := homes.search(text))] == []


def test_no_file_holds_a_private_key_or_an_access_key() -> None:
    secret = re.compile(
        r"-----BEGIN (RSA |EC )?PRIVATE KEY-----\n|\bAKIA[0-9A-Z]{16}\b|\beyJ[\w-]{20,}\.eyJ[\w-]{20,}\."
    )
    assert [name for name, text in texts() if secret.search(text)] == []


def test_every_python_file_that_decides_something_says_what() -> None:
    silent = [
        name
        for name, text in texts()
        if name.endswith(".py") and "_pb2" not in name and not name.startswith("tests/") and text.strip()
        if ast.get_docstring(ast.parse(text)) is None
    ]
    assert silent == []
