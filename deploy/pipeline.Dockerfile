# The nightly pipeline: Dagster's web server and daemon, and the `daybreak` command line. Build from
# the project's root:
#   docker build -f deploy/pipeline.Dockerfile -t daybreak-pipeline .
# With --build-arg JAVA=yes the Spark engine works too.
FROM python:3.11-slim-bookworm
ARG JAVA=no
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgomp1 \
    && if [ "$JAVA" = yes ]; then \
        apt-get install -y --no-install-recommends openjdk-17-jre-headless; \
    fi \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 daybreak \
    && useradd --uid 10001 --gid 10001 --create-home daybreak \
    && install -d -o 10001 -g 10001 /data /data/dagster
COPY requirements.lock deploy/pipeline-requirements.txt /tmp/
RUN python -m pip install --no-cache-dir --no-deps \
        -r /tmp/requirements.lock -r /tmp/pipeline-requirements.txt
COPY pyproject.toml README.md workspace.yaml daybreak.toml /app/
COPY core /app/core
COPY assets /app/assets
COPY training /app/training
COPY serving /app/serving
COPY expectations /app/expectations
COPY orchestration /app/orchestration
COPY benchmarks /app/benchmarks
RUN python -m pip install --no-cache-dir --no-deps --no-build-isolation --editable /app
ENV PYTHONUNBUFFERED=1 DAYBREAK_HOME=/data DAGSTER_HOME=/data/dagster \
    DAGSTER_DISABLE_TELEMETRY=yes GX_ANALYTICS_ENABLED=false
WORKDIR /app
USER 10001:10001
VOLUME /data
EXPOSE 3000
CMD ["dagster-webserver", "-h", "0.0.0.0", "-p", "3000", "-w", "workspace.yaml"]
