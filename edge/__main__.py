"""Runs the edge: opens what it needs top to bottom, serves until told to stop, drains, closes bottom to top."""

import asyncio
import json

from chassis.calling import connect
from chassis.serving import run, until_told_to_stop
from chassis.settings import load
from chassis.telemetry import telemetry
from edge.app import make_app, serve_http
from edge.auth import LocalIssuer, open_verifier
from edge.collecting import keep_pauses_short
from edge.config import Config
from edge.descriptors import as_many_as_allowed
from edge.edge import Edge, open_edge
from edge.nats_bus import open_bus
from edge.workers import run_workers

SPEAKER_LINK_HOURS = 24


async def main(config: Config) -> None:
    issuer = None if config.auth_issuer else LocalIssuer.open(config.data)
    async with (
        connect(config.session) as session,
        connect(config.transcription) as transcription,
        open_verifier(config, config.data) as verifier,
        open_bus(config.nats_servers) as bus,
        open_edge(config, verifier, session, transcription, bus) as edge,
        serve_http(
            make_app(edge, issuer.jwks() if issuer else None), config.host, config.port, share_port=config.share_port
        ) as url,
        asyncio.TaskGroup() as tasks,
    ):
        announcement = tasks.create_task(announce(edge, config.public_url or url, issuer))
        collecting = tasks.create_task(keep_pauses_short(edge))
        await until_told_to_stop()
        announcement.cancel()
        await edge.drain()
        collecting.cancel()


async def announce(edge: Edge, url: str, issuer: LocalIssuer | None) -> None:
    """One line of JSON on stdout when sockets can be served: for whoever started us."""
    await edge.until_ready()
    link = f"{url}/speak#token={issuer.mint('speaker', SPEAKER_LINK_HOURS)}" if issuer else None
    languages = edge.languages.offered()
    print(json.dumps({"event": "ready", "url": url, "speaker_link": link, "languages": languages}), flush=True)


if __name__ == "__main__":
    config = load(Config)
    as_many_as_allowed()
    several = config.workers > 1
    # Who only watches over workers has nothing to measure.
    with telemetry("edge", "" if several else config.otlp_endpoint, config.log_level):
        run("edge", run_workers(config) if several else main(config))
