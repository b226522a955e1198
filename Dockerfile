# Built from a local base where the registry cannot be reached: --build-arg BASE=…
ARG BASE=docker.io/library/python:3.13-slim-trixie

FROM ${BASE} AS workspace
WORKDIR /tornallom
COPY requirements-node.lock ./
RUN python3 -m venv /node \
 && /node/bin/pip install --no-cache-dir --no-deps --only-binary :all: --require-hashes -r requirements-node.lock
ENV PATH=/node/bin:$PATH
COPY frontend/package.json frontend/package-lock.json frontend/.npmrc frontend/
RUN cd frontend && npm ci --ignore-scripts
COPY frontend frontend
COPY app app
COPY openapi openapi
RUN cd frontend && npm run build

FROM ${BASE} AS packages
COPY requirements.lock ./
RUN python3 -m venv /venv \
 && /venv/bin/pip install --no-cache-dir --no-deps --only-binary :all: --require-hashes -r requirements.lock

FROM ${BASE}
LABEL org.opencontainers.image.title="Tornallom" \
      org.opencontainers.image.licenses="AGPL-3.0-or-later"
ENV PATH=/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    TORNALLOM_NO_BOOTSTRAP=1 \
    TORNALLOM_DATA_DIR=/data \
    TORNALLOM_HOST=0.0.0.0
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin tornallom \
 && install -d -o tornallom -g tornallom -m 700 /data
COPY --from=packages /venv /venv
WORKDIR /tornallom
COPY alembic.ini ./
COPY migrations migrations
COPY app app
COPY --from=workspace /tornallom/frontend/dist frontend/dist
# Compiled here, because the root filesystem may be read-only where it runs.
RUN python3 -m compileall -q app migrations
USER tornallom
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s \
    CMD ["python3", "-c", "import os, urllib.request as u; u.urlopen(f\"http://127.0.0.1:{os.environ.get('TORNALLOM_PORT', '8080')}/livez\", timeout=2)"]
ENTRYPOINT ["python3", "-m", "app"]
CMD ["serve"]
