"""A session service that works as fast as it can until it is killed, and says on stdout what it was told was done.

`python -m tests.fakes.session_writer FOLDER RUN`. It prints `begins WHO WHAT SESSION KEY LANGUAGE` before each
operation, then `done WHO`; KEY and LANGUAGE are the connection that WHO is left with, or `-` and `-` for none.
"""

import asyncio
import itertools
import secrets
import sys
import time
from collections.abc import Awaitable
from pathlib import Path

from session_svc.config import Config
from session_svc.connections import Joining
from session_svc.domain.session import Role
from session_svc.refreshes import Refreshing
from session_svc.service import Service, open_service
from session_svc.sessions import Opening
from session_svc.store import open_store

LANGUAGES = ("es", "fr", "pt")


async def told(begins: str, work: Awaitable[object]) -> None:
    print("begins", begins, flush=True)
    await work
    print("done", begins.split(maxsplit=1)[0], flush=True)


async def listen(service: Service, session_id: str, who: str) -> None:
    for turn in itertools.count():
        first, second, language = f"{who}-{turn}", f"{who}-{turn}b", LANGUAGES[turn % 3]
        joining = Joining(session_id, first, "edge", language)
        await told(f"{who} joins {session_id} {first} {language}", service.connections.join(joining))
        move = service.connections.change_language(session_id, first, "it")
        await told(f"{who} moves {session_id} {first} it", move)
        swap = Refreshing(session_id, Role.LISTENER, first, second, "edge", target_language=language)
        await told(f"{who} refreshes {session_id} {second} {language}", service.refreshes.refresh(swap))
        if turn % 2:
            await told(f"{who} leaves {session_id} - -", service.connections.leave(session_id, second))
        else:
            who = f"{who}+"


async def speak(service: Service, session_id: str, speaker: str, connection: str) -> None:
    who = f"speaker-{session_id}"
    for turn in itertools.count():
        new = f"{speaker}-{turn}"
        swap = Refreshing(session_id, Role.SPEAKER, connection, new, "edge", speaker)
        await told(f"{who} refreshes {session_id} {new} -", service.refreshes.refresh(swap))
        connection = new


async def open_and_end(service: Service, run: str) -> None:
    for turn in itertools.count():
        speaker = f"short-{run}-{turn}"
        session = await service.sessions.open(Opening(f"c-{speaker}", speaker, "edge", "en", "standard"))
        session_id = session.session_id
        print("begins", speaker, "opens", session_id, f"c-{speaker}", "-", flush=True)
        print("done", speaker, flush=True)
        joining = Joining(session_id, f"l-{speaker}", "edge", "es")
        await told(f"l-{speaker} joins {session_id} l-{speaker} es", service.connections.join(joining))
        end = service.sessions.end(session_id, f"c-{speaker}", "speaker")
        print("begins", f"l-{speaker}", "ends", session_id, "-", "-", flush=True)
        await told(f"{speaker} ends {session_id} - -", end)
        print("done", f"l-{speaker}", flush=True)


async def main(folder: Path, run: str) -> None:
    config = Config(LINGOCAST_DATA=folder, capacity=100_000)
    async with open_store(config) as store:
        with open_service(config, store, time.time, secrets.randbelow) as service:
            speaker = f"user-{run}"
            session = await service.sessions.open(Opening(f"first-{run}", speaker, "edge", "en", "standard"))
            async with asyncio.TaskGroup() as tasks:
                for number in range(6):
                    tasks.create_task(listen(service, session.session_id, f"{run}-{number}"))
                tasks.create_task(speak(service, session.session_id, speaker, f"first-{run}"))
                tasks.create_task(open_and_end(service, run))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
