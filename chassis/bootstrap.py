"""Makes a fresh machine ready: virtual environment, packages, system programs, models. A second run finds all there.

Runs on the system's own Python with nothing installed (`python3 chassis/bootstrap.py`), so it imports only the standard
library. Each step first looks whether its work is done, so that an interrupted set-up goes on where it was cut. Only
what the services cannot start without ends the set-up; a missing program or model costs languages, and is said.

Read from the environment: VENV (.venv), ENGINES and each service's own (where none names `local`, neither programs nor
models are needed, except for tests), LINGOCAST_DATA, APT (`no`: never install system programs).
"""

from __future__ import annotations  # An older Python must get as far as the sentence that names a newer one.

import argparse
import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, NoReturn

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.lock"
LISTING = ROOT / "chassis" / "models.toml"
DATABASES = ROOT / "tests" / "databases" / "fetch.py"
WEB_TOOLS = ROOT / "tests" / "web" / "fetch.py"
OLDEST = (3, 11)
_MODES = "share/apertium/modes"


class Program(NamedTuple):
    """A Debian package that engines or tests use as a separate program, and how to see that it is there."""

    package: str
    present: Callable[[], bool]
    without: str  # What is lost.


def _command(name: str) -> Callable[[], bool]:
    return lambda: shutil.which(name) is not None


def _mode(name: str) -> Callable[[], bool]:
    def there() -> bool:
        program = shutil.which("apertium")
        return program is not None and (Path(program).parent.parent / _MODES / f"{name}.mode").exists()

    return there


def _browser() -> bool:
    # Chrome does as well; tests/browser/chromium.py takes the first of these.
    return any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome")))


PROGRAMS = (
    Program("apertium", _command("apertium"), "translation into es ca gl fr it"),
    Program("apertium-es-pt", _mode("pt-es"), "translation into es ca gl fr it"),
    Program("apertium-spa-cat", _mode("spa-cat"), "translation into ca it"),
    Program("apertium-es-gl", _mode("es-gl"), "translation into gl"),
    Program("apertium-fr-es", _mode("es-fr"), "translation into fr"),
    Program("apertium-cat-ita", _mode("cat-ita"), "translation into it"),
    Program("espeak-ng", _command("espeak-ng"), "voices in ca and gl, and the spare voice of every language"),
)
TEST_PROGRAMS = (
    Program(
        "pocketsphinx-testdata",
        lambda: Path("/usr/share/pocketsphinx/test/data").is_dir(),
        "some recordings that the tests listen to",
    ),
    Program("default-jre-headless", _command("java"), "the tests on Amazon's DynamoDB Local"),
    Program("chromium", _browser, "the tests of the pages"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Sets up. The exit status is 1 only when the services could not start."""
    parser = argparse.ArgumentParser(description="Set up all that Lingocast needs on this machine.")
    parser.add_argument("--for-tests", action="store_true", help="also what only the tests use")
    parser.add_argument("--packages-only", action="store_true", help="no system programs, no models")
    options = parser.parse_args(arguments)
    if sys.version_info < OLDEST:
        python = newer_python()
        os.execv(python, [python, __file__, *(sys.argv[1:] if arguments is None else arguments)])
    started = time.monotonic()
    venv = Path(os.environ.get("VENV") or ROOT / ".venv").absolute()
    with _alone(venv):
        changed = install_packages(venv)
        compile_sends(venv / "bin" / "python")
    local = options.for_tests or wants_local(os.environ)
    if local and not options.packages_only:
        changed |= install_programs((*PROGRAMS, *TEST_PROGRAMS) if options.for_tests else PROGRAMS)
        changed |= fetch_models(venv / "bin" / "python", data_folder())
    if options.for_tests:
        fetch_databases()
        fetch_web_tools()
    if changed:
        say(f"set-up finished in {time.monotonic() - started:.0f} s")
    return 0


def wants_local(environment: Mapping[str, str]) -> bool:
    """Whether some service is to use the engines of this machine, alone or among others."""
    lists = ("ENGINES", "TRANSCRIPTION_ENGINES", "TRANSLATION_ENGINES", "SYNTHESIS_ENGINES")
    named = [environment[name] for name in lists if environment.get(name)]
    return not environment.get("ENGINES") or any("local" in names.replace(",", " ").split() for names in named)


def say(text: str) -> None:
    """One line for the person who waits; not to standard output, which belongs to what is set up for."""
    print(f"[set-up] {text}", file=sys.stderr, flush=True)  # noqa: T201 - a command-line program


def stop(text: str) -> NoReturn:
    """Ends the set-up with a sentence that says what to do."""
    say(text)
    raise SystemExit(1)


# ------------------------------------------------------------------------------------------------ Python packages


def install_packages(venv: Path) -> bool:
    """Brings `venv` to what requirements.lock says; True when there was something to do."""
    python, stamp = venv / "bin" / "python", venv / ".requirements"
    wanted = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    if python.exists() and stamp.exists() and stamp.read_text() == wanted:
        return False
    # Written only at the very end: what was cut in the middle is done again.
    stamp.unlink(missing_ok=True)
    if not _works(python):
        _make_venv(venv)
    count = sum(1 for line in LOCK.read_text().splitlines() if "==" in line and not line.startswith(("#", " ")))
    say(f"Python packages: {count} from {LOCK.name} (about 700 MB installed; minutes on a slow line)")
    _pip_install(python, count)
    stamp.write_text(wanted)
    return True


def newer_python() -> str:
    """The running interpreter, or one on the path, that is new enough. Exits where there is none."""
    for name in (sys.executable, *(f"python3.{minor}" for minor in range(11, 15))):
        path = shutil.which(name)
        check = f"import sys; sys.exit(sys.version_info < {OLDEST})"
        if path and subprocess.run([path, "-c", check], check=False).returncode == 0:
            return path
    return stop(
        "Python 3.11 or newer is needed, and none is on the path (Debian 12, Ubuntu 24.04: apt install python3)"
    )


def _works(python: Path) -> bool:
    check = f"import sys, pip; sys.exit(sys.version_info < {OLDEST})"
    return python.exists() and subprocess.run([python, "-c", check], check=False, capture_output=True).returncode == 0


def _make_venv(venv: Path) -> None:
    if venv.exists() and any(venv.iterdir()) and not (venv / "pyvenv.cfg").exists():
        # Making it anew empties the folder: never one that holds something else.
        stop(f"{venv} is not a virtual environment; choose another folder with VENV=")
    python = newer_python()
    say(f"virtual environment {_short(venv)}")
    command = [python, "-m", "venv", "--clear", str(venv)]
    if subprocess.run(command, check=False, capture_output=True).returncode == 0:
        return
    version = subprocess.run(
        [python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"], check=True, capture_output=True, text=True
    ).stdout.strip()
    # Debian packs ensurepip apart from Python.
    _apt_install([f"python{version}-venv"])
    again = subprocess.run(command, check=False, capture_output=True, text=True)
    if again.returncode != 0:
        stop(f"no virtual environment can be made; install python{version}-venv. It said: {again.stderr.strip()}")


def _pip_install(python: Path, count: int) -> None:
    command = [str(python), "-m", "pip", "install", "--require-hashes", "--no-input", "--progress-bar", "off"]
    command += ["--disable-pip-version-check", "-r", str(LOCK)]
    last: list[str] = []
    seen = 0
    with (
        _meter() as show,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as pip,
    ):
        for line in pip.stdout or ():
            last = [*last[-15:], line.rstrip()]
            if line.startswith(("Collecting", "Requirement already satisfied")):
                seen += 1
                show(f"fetching {min(seen, count)}/{count}")
            elif line.startswith("Installing"):
                show("installing")
    if pip.returncode != 0:
        stop("\n".join(["pip could not install the packages; its last words:", *last]))


def compile_sends(python: Path) -> None:
    """Makes fan-out cheaper where there is a C compiler. Nothing needs it; what fails is said."""
    if any(map(shutil.which, ("cc", "gcc", "clang"))):
        subprocess.run([python, "-m", "edge.sends"], cwd=ROOT, check=False)


# ------------------------------------------------------------------------------------------------ system programs


def install_programs(programs: Sequence[Program]) -> bool:
    """Installs what is missing where that is allowed; else says what to install and what its lack costs."""
    missing = [program for program in programs if not program.present()]
    if not missing:
        return False
    names = [program.package for program in missing]
    say(f"system programs: {' '.join(names)}")
    reason = _apt_install(names)
    lacking = [program for program in missing if not program.present()]
    if lacking:
        say(f"not installed: {reason or 'apt-get installed something else than expected'}. Without them is lost:")
        for program in lacking:
            say(f"  {program.package}: {program.without}")
        say(f"to have them: apt-get install {' '.join(program.package for program in lacking)}")
    return True


def _apt_install(packages: Sequence[str]) -> str:
    """Installs Debian packages. Returns why that was not possible, or an empty string."""
    prefix, reason = _apt()
    if not prefix:
        return reason
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = [*prefix, "-y", "-q", "--no-install-recommends", "install", *packages]
    # The lists of a fresh machine are empty or old: only then are they fetched.
    for command in (install, [*prefix, "-q", "update"], install):
        outcome = subprocess.run(
            command, check=False, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
        if command is install and outcome.returncode == 0:
            return ""
    return (outcome.stderr.strip().splitlines() or ["apt-get failed"])[-1]


def _apt() -> tuple[list[str], str]:
    apt = shutil.which("apt-get")
    if os.environ.get("APT") == "no":
        return [], "APT=no"
    if apt is None:
        return [], "this machine has no apt-get"
    # Waits for another apt to end instead of failing.
    command = [apt, "-o", "DPkg::Lock::Timeout=300"]
    if os.geteuid() == 0:
        return command, ""
    sudo = shutil.which("sudo")
    if sudo and subprocess.run([sudo, "-n", "true"], check=False, capture_output=True).returncode == 0:
        return [sudo, "-n", *command], ""
    return [], "neither root nor password-less sudo"


# ------------------------------------------------------------------------------------------------ models, databases


def data_folder() -> Path:
    """Where the models are, shared by every clone of this user."""
    return Path(os.environ.get("LINGOCAST_DATA") or Path.home() / ".local" / "share" / "lingocast").absolute()


def fetch_models(python: Path, data: Path) -> bool:
    """Fetches what the catalogue lists and the data folder lacks. What cannot be had is said, and costs languages."""
    if _models_present(data):
        return False
    say(f"models, into {_short(data)}/models")
    # It prints progress, and which languages there are afterwards. Engines verify what they load.
    command = [str(python), "-m", "chassis.models", "fetch", "--data", str(data)]
    if subprocess.run(command, check=False, cwd=ROOT, stdout=sys.stderr).returncode != 0:
        say("some models are missing (see above); the next start tries again")
    return True


def fetch_databases() -> None:
    """Fetches the databases that tests run against. It says what it does; without them, tests say what is missing."""
    if subprocess.run([sys.executable, str(DATABASES)], check=False, stdout=sys.stderr).returncode != 0:
        say("tests on DynamoDB will fail (see above); the next set-up tries again")


def fetch_web_tools() -> None:
    """Fetches what checks the pages. It says what it does; without it, tests say what is missing."""
    if subprocess.run([sys.executable, str(WEB_TOOLS)], check=False, stdout=sys.stderr).returncode != 0:
        say("tests of the pages will fail (see above); the next set-up tries again")


def _models_present(data: Path) -> bool:
    """Whether every file is there in its full size: no more than a look, hashes are the catalogue's business."""
    import tomllib  # Since Python 3.11.

    models = tomllib.loads(LISTING.read_text("utf-8"))["models"]
    return all(
        _size(data / "models" / name / file["path"]) == file["size"]
        for name, model in models.items()
        if not model.get("optional", False)
        for file in model["files"]
    )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1


# ------------------------------------------------------------------------------------------------ the rest


@contextlib.contextmanager
def _alone(venv: Path) -> Iterator[None]:
    """Only one set-up works on a virtual environment at a time; others wait, and then find all done."""
    venv.parent.mkdir(parents=True, exist_ok=True)
    with (venv.parent / f"{venv.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another set-up is at work; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def _meter() -> Iterator[Callable[[str], None]]:
    """Shows progress in place on a terminal, and as a line every 15 s elsewhere."""
    terminal, shown = sys.stderr.isatty(), [time.monotonic()]

    def show(text: str) -> None:
        if terminal:
            sys.stderr.write(f"\r\033[K[set-up]   {text}")
            sys.stderr.flush()
        elif time.monotonic() - shown[0] >= 15:
            shown[0] = time.monotonic()
            say(f"  {text}")

    yield show
    if terminal:
        sys.stderr.write("\r\033[K")


def _short(path: Path) -> str:
    home = str(Path.home())
    return f"~{str(path)[len(home) :]}" if str(path).startswith(home + os.sep) else str(path)


if __name__ == "__main__":
    sys.exit(main())
