# One image for all five services: `docker run lingocast session_svc`. Settings come from the environment.
#
#   docker build -t lingocast .                                the services, with Amazon's engines
#   docker build --build-arg LOCAL=yes -t lingocast:local .    the local engines too; models are fetched into /data by
#                                                              `docker run -v models:/data lingocast:local chassis.models fetch`

FROM python:3.11-slim-bookworm AS packages
ARG LOCAL=no
WORKDIR /build
RUN python -m venv /opt/venv
# Without local engines only what the services import; with them the whole lock, as on a developer's machine.
COPY requirements.lock requirements.run.lock ./
RUN if [ "$LOCAL" = yes ]; then lock=requirements.lock; else lock=requirements.run.lock; fi \
    && /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r "$lock"
# Fan-out in one call of C; without it the edge does the same in Python.
COPY edge/sends.py edge/sends.c ./
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev && /opt/venv/bin/python sends.py

FROM python:3.11-slim-bookworm
ARG LOCAL=no
# hadolint ignore=DL3008
RUN if [ "$LOCAL" = yes ]; then \
        apt-get update \
        && apt-get install -y --no-install-recommends apertium apertium-es-pt apertium-spa-cat apertium-es-gl \
            apertium-fr-es apertium-cat-ita espeak-ng \
        && rm -rf /var/lib/apt/lists/*; \
    fi \
    && useradd --uid 10001 --no-create-home --home-dir /data lingocast \
    && install -d -o lingocast /data
COPY --from=packages /opt/venv /opt/venv
WORKDIR /app
COPY chassis chassis
COPY protos protos
COPY edge edge
COPY session_svc session_svc
COPY synthesis_svc synthesis_svc
COPY transcription_svc transcription_svc
COPY translation_svc translation_svc
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 LINGOCAST_DATA=/data
USER 10001
VOLUME /data
EXPOSE 8080 50051 50052 50053 50054
# exec form: SIGTERM reaches the service, which drains.
ENTRYPOINT ["python", "-m"]
CMD ["edge"]
