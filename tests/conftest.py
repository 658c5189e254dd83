"""What every kind of test shares. Nothing is patched and nothing starts by itself here."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from chassis.probing import free_port
from chassis.settings import data_default

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def port() -> Callable[[], int]:
    """Gives a free loopback port at each call."""
    return free_port


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """An empty data directory, as LINGOCAST_DATA names one."""
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


@pytest.fixture(scope="session")
def speech_data() -> Path:
    """The folder of real recordings with transcripts, beside the project."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no recordings: ../shared/data is not there")
    return folder


@pytest.fixture(scope="session")
def models() -> Path:
    """The folder of models that `make models` filled."""
    return Path(os.environ.get("LINGOCAST_DATA") or data_default()) / "models"
