"""Generates the Python code of every `.proto`, next to it.

Run from the repository root, so that a file's path is its import path: `python -m protos.generate`.
With `--check` nothing is written; the exit status is 1 when what is committed differs from what would be generated.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import grpc_tools
from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent
GENERATED = ("*_pb2.py", "*_pb2.pyi", "*_pb2_grpc.py", "*_pb2_grpc.pyi")


def sources() -> list[str]:
    """Every `.proto`, relative to the root, sorted."""
    return sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("protos/*/v*/*.proto"))


def generate(out: Path) -> None:
    """Writes the generated code of all protos below `out`. Raises SystemExit when protoc fails."""
    well_known = Path(grpc_tools.__file__).parent / "_proto"
    # Beside this interpreter: the virtual environment need not be on the path.
    plugins = [(name, Path(sys.executable).with_name(name)) for name in ("protoc-gen-mypy", "protoc-gen-mypy_grpc")]
    arguments = [
        "protoc",
        *(f"--plugin={name}={path}" for name, path in plugins),
        f"-I{ROOT}",
        f"-I{well_known}",
        f"--python_out={out}",
        f"--grpc_python_out={out}",
        f"--mypy_out=quiet:{out}",
        f"--mypy_grpc_out=quiet:{out}",
        *sources(),
    ]
    if protoc.main(arguments) != 0:
        raise SystemExit("protoc failed")


def differences(fresh: Path) -> list[str]:
    """Paths whose committed text is not the freshly generated one, missing and stale ones included."""
    names = {path.relative_to(fresh) for pattern in GENERATED for path in fresh.rglob(pattern)}
    names |= {path.relative_to(ROOT) for pattern in GENERATED for path in (ROOT / "protos").rglob(pattern)}
    return sorted(str(name) for name in names if text(fresh / name) != text(ROOT / name))


def text(path: Path) -> str | None:
    """The file's text, or None where there is no file."""
    return path.read_text() if path.exists() else None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail when the committed code is stale")
    if not parser.parse_args().check:
        generate(ROOT)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder))
        stale = differences(Path(folder))
    for name in stale:
        print(f"stale: {name} (run `make protos`)", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
