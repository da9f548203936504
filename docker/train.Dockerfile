# The workshop: torch, open_clip and the torchrun entries, with the platform so that the cluster door can be local.
FROM python:3.12-slim AS train
ENV PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 DAGSTER_HOME=/opt/dagster ENTITYNET_HOME=/data
WORKDIR /opt/entitynet
COPY pyproject.toml README.md workspace.yaml ./
COPY sql ./sql
COPY entitynet_assets ./entitynet_assets
COPY entitynet_train ./entitynet_train
RUN pip install '.[train,cluster]' && useradd --create-home --uid 1000 entitynet \
    && mkdir -p /opt/dagster /data && chown entitynet /opt/dagster /data
USER entitynet
CMD ["python", "-m", "entitynet_train.train", "--help"]
