# syntax=docker/dockerfile:1
# One container is the whole of Orderwright: the service and, unless outside servers are named, its own Postgres and NATS.
#
#   docker build -t orderwright .
#   docker run --read-only --tmpfs /tmp -v orderwright:/data -p 8080:8080 orderwright
#
# Only /data (one volume) and /tmp are ever written; the root file system may be read-only and no capability is needed.

# The distribution is named, so that a build of next year stands on the same one. For the same bytes each time name a digest too:
# --build-arg BASE=python:3.11-slim-bookworm@sha256:…
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /src
RUN python -m venv /opt/orderwright
# The libraries change seldom and come first, so that a change of ours rebuilds only the last layer.
COPY requirements/ requirements/
RUN /opt/orderwright/bin/python -m pip install --quiet --require-hashes -r requirements/runtime.txt
# The build backend comes from the hashed lock too: nothing unpinned takes part in making the wheel.
RUN python -m venv /opt/build \
 && /opt/build/bin/python -m pip install --quiet --require-hashes -r requirements/dev.txt
COPY pyproject.toml README.md CHANGELOG.md LICENSE ./
COPY schemas/ schemas/
COPY actors/ actors/
COPY adapters/ adapters/
COPY service/ service/
COPY ops/ ops/
RUN /opt/build/bin/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir /wheels . \
 && /opt/orderwright/bin/python -m pip install --quiet --no-deps --no-index /wheels/orderwright-*.whl \
 && /opt/orderwright/bin/python -m compileall -q /opt/orderwright/lib

FROM ${BASE} AS runtime
LABEL org.opencontainers.image.title="orderwright" \
      org.opencontainers.image.description="Takes every order to delivered and reconciled without a hand." \
      org.opencontainers.image.licenses="Apache-2.0"
# A fixed number, so that a volume made today fits the image of next year and `runAsNonRoot` can be checked. Any other user
# id works too: /data is open like /tmp, and what is made in it is closed to others. libnss-wrapper gives an id without an
# entry in /etc/passwd the name that Postgres asks for once.
RUN apt-get update -qq && apt-get install -qq -y --no-install-recommends libnss-wrapper && rm -rf /var/lib/apt/lists/* \
 && groupadd --gid 10001 orderwright \
 && useradd --uid 10001 --gid 10001 --home-dir /data --no-create-home --shell /usr/sbin/nologin orderwright \
 && install -d -o orderwright -g orderwright -m 1777 /data
COPY --from=build /opt/orderwright /opt/orderwright
COPY ops/image.toml /etc/orderwright/image.toml
ENV PATH=/opt/orderwright/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/data \
    ORDERWRIGHT_DATA=/data \
    ORDERWRIGHT_DEFAULTS=/etc/orderwright/image.toml
USER orderwright
WORKDIR /data
VOLUME ["/data"]
EXPOSE 8080
# SIGTERM: readiness off, intake stops, bounded drain, exit 0. The runtime must allow the drain its time.
STOPSIGNAL SIGTERM
# The port is read where the service writes it, so that changing it moves the check along. An answer other than 2xx raises.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
  CMD ["python", "-c", "import json, os, urllib.request; port = json.load(open(os.environ.get('ORDERWRIGHT_DATA', '/data') + '/runtime.json'))['port']; urllib.request.urlopen(f'http://127.0.0.1:{port}/readyz', timeout=2)"]
ENTRYPOINT ["orderwright"]
CMD ["serve"]
