"""A process in a service's place, for tests of the launcher: serves health and nothing else.

`python -m tests.fakes.stand_in NAME`. STAND_IN_FAILS and STAND_IN_STUBBORN name who ends at start and who ignores
SIGTERM. Whoever ends in peace adds its name to `ended.txt` in the data folder.
"""

import asyncio
import json
import os
import sys
from pathlib import Path

import structlog
from aiohttp import web

from chassis.serving import serve, until_told_to_stop
from chassis.telemetry import telemetry

DATA = Path(os.environ["LINGOCAST_DATA"])


async def edge() -> None:
    async def ready(_: web.Request) -> web.Response:
        return web.Response()

    app = web.Application()
    app.router.add_get("/readyz", ready)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, os.environ["HOST"], int(os.environ["PORT"])).start()
    print("not the line that is waited for")
    print(json.dumps({"event": "ready", "speaker_link": "here#token=t", "languages": {"en": ["es", "pt"]}}), flush=True)
    # A descendant of its own, as engines have; it must not outlive the service.
    child = await asyncio.create_subprocess_exec("sleep", "600")
    (DATA / "descendant.txt").write_text(str(child.pid))
    await until_told_to_stop()
    await runner.cleanup()


async def main(name: str) -> None:
    if os.environ.get("STAND_IN_FAILS") == name:
        raise SystemExit("no model to load")
    structlog.get_logger().warning("stand_in_started")
    if name == "edge":
        await edge()
    elif os.environ.get("STAND_IN_STUBBORN") == name:
        await serve_stubbornly(os.environ[f"{name.upper()}_LISTEN"])
    else:
        await serve(os.environ[f"{name.upper()}_LISTEN"], lambda _: None, [])
    with (DATA / "ended.txt").open("a") as out:
        out.write(f"{name}\n")


async def serve_stubbornly(listen: str) -> None:
    while True:
        await serve(listen, lambda _: None, [], drain_seconds=0)


if __name__ == "__main__":
    with telemetry(sys.argv[1], "", "info"):
        asyncio.run(main(sys.argv[1]))
