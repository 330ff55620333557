# The lookup service: core/ and serving/ alone. Build from the project's root:
#   docker build -f deploy/server.Dockerfile -t daybreak-server .
# With --build-arg BUCKET=yes it can follow releases in an S3 bucket, for 40 MB more.
FROM python:3.11-slim-bookworm AS packages
ARG BUCKET=no
COPY deploy/server-requirements.txt deploy/server-bucket-requirements.txt /tmp/
RUN python -m venv --without-pip /venv \
    && python -m pip --python /venv/bin/python install --no-cache-dir --no-deps \
        -r /tmp/server-requirements.txt \
    && if [ "$BUCKET" = yes ]; then \
        python -m pip --python /venv/bin/python install --no-cache-dir --no-deps \
            -r /tmp/server-bucket-requirements.txt; \
    fi

FROM python:3.11-slim-bookworm
RUN groupadd --gid 10001 daybreak \
    && useradd --uid 10001 --gid 10001 --no-create-home --shell /usr/sbin/nologin daybreak \
    && install -d -o 10001 -g 10001 /data /data/dagster
COPY --from=packages /venv /venv
COPY core /app/core
COPY serving /app/serving
RUN /venv/bin/python -m compileall -q /app
# /data/dagster is for the pipeline, where this image is the first to fill a shared volume. The
# server writes below /data alone, so that the rest may be read-only.
ENV PATH=/venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 DAYBREAK_HOME=/data
WORKDIR /app
USER 10001:10001
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8080/readyz', timeout=2)"]
ENTRYPOINT ["python", "-m", "serving"]
CMD ["--host", "0.0.0.0", "--port", "8080"]
