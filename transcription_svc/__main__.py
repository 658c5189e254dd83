"""Runs transcription_svc: `python -m transcription_svc`; `--help` lists its settings."""

from functools import partial

from chassis.serving import run, serve
from chassis.settings import load
from chassis.telemetry import telemetry
from protos.transcription.v1 import transcription_pb2
from protos.transcription.v1.transcription_pb2_grpc import add_TranscriptionServiceServicer_to_server
from transcription_svc.config import Config
from transcription_svc.downstream import open_downstream
from transcription_svc.engines import open_engine
from transcription_svc.servicer import Transcription

SERVICES = [transcription_pb2.DESCRIPTOR.services_by_name["TranscriptionService"].full_name]


async def main(config: Config) -> None:
    async with open_engine(config) as recognizer, open_downstream(config.translation, config.synthesis) as downstream:
        service = Transcription(recognizer, downstream, config.max_streams, snr_db=config.snr_db, drafts=config.drafts)
        await serve(config.listen, partial(add_TranscriptionServiceServicer_to_server, service), SERVICES)


if __name__ == "__main__":
    settings = load(Config)
    with telemetry("transcription_svc", settings.otlp_endpoint, settings.log_level):
        run("transcription_svc", main(settings))
