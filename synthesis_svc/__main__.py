"""Runs synthesis_svc: `python -m synthesis_svc`; `--help` lists its settings."""

from functools import partial

import structlog

from chassis.serving import run, serve
from chassis.settings import load
from chassis.telemetry import telemetry
from protos.synthesis.v1.synthesis_pb2 import DESCRIPTOR
from protos.synthesis.v1.synthesis_pb2_grpc import add_SynthesisServiceServicer_to_server
from synthesis_svc.config import Config
from synthesis_svc.domain.voices import Casting, grades, overrides, tiers
from synthesis_svc.engines import open_engine
from synthesis_svc.servicer import Synthesis


async def main(config: Config) -> None:
    """Opens the engine, then serves until told to stop."""
    async with open_engine(config) as engine:
        casting = Casting(engine.voices, overrides(config.voices))
        if casting.missing:
            structlog.get_logger().warning("voices_missing", voices=casting.missing)
        rows = tiers(
            config.standard_patience_seconds,
            config.premium_patience_seconds,
            grades(config.standard_grades),
            grades(config.premium_grades),
        )
        service = Synthesis(engine, casting, rows)
        await serve(
            config.listen,
            partial(add_SynthesisServiceServicer_to_server, service),
            [DESCRIPTOR.services_by_name["SynthesisService"].full_name],
        )


if __name__ == "__main__":
    settings = load(Config)
    with telemetry("synthesis_svc", settings.otlp_endpoint, settings.log_level):
        run("synthesis_svc", main(settings))
