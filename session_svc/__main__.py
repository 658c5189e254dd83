"""`python -m session_svc`: opens the store and serves the session API until told to stop."""

import asyncio
import secrets
import time

from chassis.serving import run, serve
from chassis.settings import load
from chassis.telemetry import telemetry
from session_svc.config import Config
from session_svc.service import open_service
from session_svc.servicer import SERVICE
from session_svc.store import open_store

# Calls have 2 s; only watchers stay longer, and they look for another instance.
_DRAIN_SECONDS = 2.0


async def main(config: Config) -> None:
    async with open_store(config) as store, asyncio.TaskGroup() as tasks:
        with open_service(config, store, time.time, secrets.randbelow) as service:
            background = [
                tasks.create_task(service.reaper.run(config.reap_seconds, config.sweep_seconds)),
                tasks.create_task(service.watching.run()),
            ]
            await serve(config.listen, service.register, [SERVICE], drain_seconds=_DRAIN_SECONDS)
            for task in background:
                task.cancel()


if __name__ == "__main__":
    settings = load(Config)
    with telemetry("session_svc", settings.otlp_endpoint, settings.log_level):
        run("session_svc", main(settings))
