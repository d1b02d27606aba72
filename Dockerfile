# The hub as a container. `docker build -t pequod-fleet:0.1.0 .` needs PyPI, the Go module proxy and Debian's packages.
# kubeconfigs with exec plugins (aws, gke-gcloud-auth-plugin, …) need their programs: add them in an image on top.

FROM python:3.11-slim-bookworm AS build
WORKDIR /src
COPY pyproject.toml hatch_build.py README.md LICENSE ./
COPY migrations migrations
COPY config config
COPY fleet fleet
# The build requirements bring Go; the caches keep what it compiled for the next build of this image.
RUN --mount=type=cache,target=/root/.cache \
    python -m venv /opt/fleet \
 && /opt/fleet/bin/pip wheel --quiet --no-deps --wheel-dir /wheels . \
 && /opt/fleet/bin/pip install --quiet --no-compile /wheels/*.whl \
 && /opt/fleet/bin/python -m compileall -q /opt/fleet/lib \
 && /opt/fleet/bin/pip uninstall --quiet --yes pip setuptools

FROM python:3.11-slim-bookworm
# Modules are fetched from git repositories with git, over https and ssh.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends git openssh-client \
 && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/fleet /opt/fleet
ENV PATH=/opt/fleet/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    FLEET_CLUSTERS=/etc/pequod-fleet/clusters \
    FLEET_DATA_FOLDER=/var/lib/pequod-fleet \
    FLEET_LISTEN=0.0.0.0:8642 \
    FLEET_LOG_FORMAT=json
RUN install -d -o 65532 -g 65532 /etc/pequod-fleet/clusters /var/lib/pequod-fleet
USER 65532:65532
WORKDIR /var/lib/pequod-fleet
VOLUME /var/lib/pequod-fleet
EXPOSE 8642
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8642/healthz', timeout=4)"]
ENTRYPOINT ["fleet"]
CMD ["hub"]
