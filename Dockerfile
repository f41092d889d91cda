FROM python:3.11-slim-bookworm AS build
WORKDIR /build
RUN python -m venv /opt/scorer
# What is installed from elsewhere changes less often than our own files, so it has a layer of its own.
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY stream/__init__.py stream/
RUN /opt/scorer/bin/pip install --no-cache-dir --disable-pip-version-check --constraint constraints.txt .
COPY stream stream
RUN /opt/scorer/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps --force-reinstall .

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/scorer scorer
COPY --from=build /opt/scorer /opt/scorer
ENV PATH=/opt/scorer/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
USER 10001
# Faust keeps a folder of its own in the working directory.
WORKDIR /var/lib/scorer
# Native code for the kind of machine that builds the image; on another kind a worker compiles it at its first start.
RUN python -m stream.transport.warm_up
EXPOSE 6066
ENTRYPOINT ["scorer"]
CMD ["worker"]
