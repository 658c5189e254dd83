"""What every kind of test shares. Nothing is patched and nothing starts by itself here."""

import os
import tempfile
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from chassis.probing import free_port
from chassis.settings import data_default
from tests.taking_turns import Turns, in_turns

ROOT = Path(__file__).resolve().parent.parent

# The same examples on every machine, however slow it is. To search for new ones: ARGS=--hypothesis-profile=default.
settings.register_profile(
    "repeatable", derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("repeatable")

# Servers of tests are here, whatever proxy this machine reaches others by; gRPC and the SDK would ask it for them.
os.environ["no_proxy"] = os.environ["NO_PROXY"] = ",".join(
    filter(None, (os.environ.get("no_proxy") or os.environ.get("NO_PROXY"), "127.0.0.1", "localhost"))
)


# What loads both cores: never two of these at a time. What is heard in real time: nothing else meanwhile. They begin
# first, since they take longest.
_ALONE, _HEAVY = "alone", "heavy"
_ORDER = (_ALONE, _HEAVY, "browser", "e2e", "contract")
_TURNS = pytest.StashKey[Turns]()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Says what the workers of pytest-xdist share out: a file as a whole, and all that is heavy as one."""
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_group(item)))
    items.sort(key=lambda item: _rank(_group(item)))


def _group(item: pytest.Item) -> str:
    place = item.path.relative_to(ROOT / "tests")
    if item.get_closest_marker("local_engines"):
        return _HEAVY if place.parts[0] == "contract" else _ALONE
    return _HEAVY if item.get_closest_marker("measures") else place.with_suffix("").as_posix()


def _rank(group: str) -> int:
    kind = group.split("/", maxsplit=1)[0]
    return _ORDER.index(kind) if kind in _ORDER else len(_ORDER)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None, object, object]:
    """Waits for this worker's turn, before the test's time begins to run."""
    if not in_turns():
        return (yield)
    if _TURNS not in item.config.stash:
        item.config.stash[_TURNS] = Turns(_shared_folder())
    turns = item.config.stash[_TURNS]
    again = nextitem is not None and _group(nextitem) == _ALONE
    with turns.taken(alone=_group(item) == _ALONE, again=again):
        return (yield)


def _shared_folder() -> Path:
    """Of all workers, also of another run on this machine."""
    folder = Path(tempfile.gettempdir()) / f"lingocast-tests-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    return folder


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
