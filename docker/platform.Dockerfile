# The platform: code location, webserver, daemon and the entitynet command. No torch.
FROM python:3.12-slim AS platform
ENV PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 DAGSTER_HOME=/opt/dagster ENTITYNET_HOME=/data
WORKDIR /opt/entitynet
COPY pyproject.toml README.md workspace.yaml ./
COPY sql ./sql
COPY entitynet_assets ./entitynet_assets
COPY entitynet_train ./entitynet_train
RUN pip install '.[cluster]' && useradd --create-home --uid 1000 entitynet \
    && mkdir -p /opt/dagster /data && chown entitynet /opt/dagster /data
COPY docker/dagster.yaml /opt/dagster/dagster.yaml
USER entitynet
EXPOSE 3000 4000
CMD ["dagster", "code-server", "start", "-h", "0.0.0.0", "-p", "4000", "-m", "entitynet_assets.definitions"]
