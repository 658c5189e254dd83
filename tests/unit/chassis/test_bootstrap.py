"""The set-up, run as a program on a small lock, with stand-ins for apt-get on the path."""

import fcntl
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from chassis import bootstrap

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = ROOT / "chassis" / "bootstrap.py"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """A project that was set up once, and what that said. Its lock asks for nothing: no package is fetched."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "chassis").mkdir()
    (folder / "chassis" / "bootstrap.py").write_text(SCRIPT.read_text())
    (folder / "chassis" / "models.toml").write_text("[models]\n")
    (folder / "requirements.lock").write_text("# nothing\n")
    (folder / "edge").mkdir()
    (folder / "edge" / "sends.py").write_text("")
    return folder, set_up(folder)


@pytest.fixture
def project(finished: tuple[Path, subprocess.CompletedProcess[str]], tmp_path: Path) -> Path:
    """A copy of it to change: making an environment takes seconds."""
    return Path(shutil.copytree(finished[0], tmp_path / "project", symlinks=True))


def set_up(project: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name not in ("VENV", "ENGINES", "APT")}
    return subprocess.run(
        [sys.executable, project / "chassis" / "bootstrap.py", *arguments],
        env=environment | {"ENGINES": "scripted", "LINGOCAST_DATA": str(project / "data")} | env,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def program(folder: Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def test_a_second_set_up_finds_all_done_and_says_nothing(
    finished: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    folder, first = finished
    assert first.returncode == 0, first.stderr
    assert "virtual environment" in first.stderr
    assert (folder / ".venv" / "bin" / "python").exists()
    second = set_up(folder)
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")


def test_a_changed_lock_and_an_interrupted_set_up_are_done_again(project: Path) -> None:
    (project / "requirements.lock").write_text("# something else\n")
    assert "Python packages" in set_up(project).stderr
    # As if cut before the end: the stamp comes last.
    (project / ".venv" / ".requirements").unlink()
    again = set_up(project)
    assert "Python packages" in again.stderr
    assert "virtual environment" not in again.stderr
    # As if cut while the environment was made.
    (project / ".venv" / "bin" / "python").unlink()
    assert "virtual environment" in set_up(project).stderr
    assert set_up(project).stderr == ""


def test_packages_that_cannot_be_had_end_the_set_up_with_pips_words_and_no_stamp(project: Path) -> None:
    (project / "requirements.lock").write_text("not-hashed==1.0\n")
    failed = set_up(project)
    assert failed.returncode == 1
    assert "hash" in failed.stderr.lower()
    assert not (project / ".venv" / ".requirements").exists()


def test_a_folder_that_is_no_virtual_environment_is_not_emptied(project: Path) -> None:
    mine = project / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work")
    refused = set_up(project, VENV=str(mine))
    assert refused.returncode == 1
    assert "not a virtual environment" in refused.stderr
    assert (mine / "thesis.txt").read_text() == "years of work"


def test_a_second_set_up_waits_for_the_first(project: Path) -> None:
    outcome: list[subprocess.CompletedProcess[str]] = []
    stamp = project / ".venv" / ".requirements"
    stamp.unlink()
    with (project / ".venv.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        waiting = threading.Thread(target=lambda: outcome.append(set_up(project)))
        waiting.start()
        waiting.join(2.0)
        assert waiting.is_alive()
        assert not stamp.exists()
    waiting.join(60.0)
    assert outcome[0].returncode == 0
    assert stamp.exists()
    assert "waiting for it" in outcome[0].stderr


def test_missing_programs_are_installed_by_apt_after_its_lists_are_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bin_, log = tmp_path / "bin", tmp_path / "apt.log"
    # A fresh machine: the package is not found until the lists are there.
    program(
        bin_,
        "apt-get",
        f'echo "$@" >> {log}\n'
        f'case "$*" in *update*) touch {tmp_path}/lists;; *) test -f {tmp_path}/lists && touch {tmp_path}/there;; esac',
    )
    program(bin_, "sudo", 'shift; exec "$@"')
    monkeypatch.setenv("PATH", f"{bin_}:/usr/bin:/bin")
    monkeypatch.delenv("APT", raising=False)
    wanted = bootstrap.Program("espeak-nothing", (tmp_path / "there").exists, "voices")
    assert bootstrap.install_programs([wanted]) is True
    calls = log.read_text().splitlines()
    assert [("install" in call, "update" in call) for call in calls] == [(True, False), (False, True), (True, False)]
    assert "--no-install-recommends" in calls[0]
    assert calls[0].endswith("espeak-nothing")
    assert bootstrap.install_programs([wanted]) is False


def test_where_nothing_may_be_installed_the_loss_and_the_remedy_are_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("APT", "no")
    missing = bootstrap.Program("apertium-es-gl", lambda: False, "translation into gl")
    assert bootstrap.install_programs([missing]) is True
    said = capsys.readouterr().err
    assert "apertium-es-gl: translation into gl" in said
    assert "apt-get install apertium-es-gl" in said


def test_models_are_fetched_only_while_a_file_of_theirs_is_not_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listing, calls = tmp_path / "models.toml", tmp_path / "calls"
    listing.write_text(
        '[models.small]\nfiles = [{ path = "a.bin", size = 4, sha256 = "" }]\n'
        '[models.extra]\noptional = true\nfiles = [{ path = "b.bin", size = 9, sha256 = "" }]\n'
    )
    monkeypatch.setattr(bootstrap, "LISTING", listing)
    program(tmp_path, "python", f'echo "$@" >> {calls}')
    python, data = tmp_path / "python", tmp_path / "data"
    assert bootstrap.fetch_models(python, data) is True
    (data / "models" / "small").mkdir(parents=True)
    (data / "models" / "small" / "a.bin").write_bytes(b"cut")
    assert bootstrap.fetch_models(python, data) is True
    (data / "models" / "small" / "a.bin").write_bytes(b"full")
    assert bootstrap.fetch_models(python, data) is False
    assert calls.read_text().splitlines() == [f"-m chassis.models fetch --data {data}"] * 2


@pytest.mark.local_engines
def test_programs_are_recognised_on_this_machine_as_the_engines_find_them() -> None:
    assert [program.package for program in bootstrap.PROGRAMS if not program.present()] == []
