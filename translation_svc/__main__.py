"""translation_svc: `python -m translation_svc`. Settings from the environment; `--help` lists them."""

from functools import partial
from time import monotonic, time

from chassis.serving import run, serve
from chassis.settings import load
from chassis.telemetry import telemetry
from protos.translation.v1 import translation_pb2, translation_pb2_grpc
from translation_svc.cache import Forgiving, MemoryCache, open_shared
from translation_svc.config import Config
from translation_svc.engines import open_engine
from translation_svc.flights import Flights
from translation_svc.servicer import Outcome, Translation

SERVICE = translation_pb2.DESCRIPTOR.services_by_name["TranslationService"].full_name


async def main(config: Config) -> None:
    """Serves until told to stop."""
    async with (
        open_engine(config) as engine,
        open_shared(config, monotonic, time) as shared,
        Flights[str, Outcome]() as flights,
    ):
        cache = Forgiving(MemoryCache(config.cache_entries, config.cache_ttl_seconds, monotonic))
        service = Translation(engine, cache, flights, config.engine_timeout_seconds, shared=Forgiving(shared))
        register = partial(translation_pb2_grpc.add_TranslationServiceServicer_to_server, service)
        await serve(config.listen, register, [SERVICE])


if __name__ == "__main__":
    settings = load(Config)
    with telemetry("translation_svc", settings.otlp_endpoint, settings.log_level):
        run("translation_svc", main(settings))
