# Stands in for python:3.11-slim-bookworm.
FROM slipway/debian:bookworm
COPY certificates.crt /etc/ssl/certs/ca-certificates.crt
ENV PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin PIP_CERT=/etc/ssl/certs/ca-certificates.crt
RUN apt-get update -q && apt-get install -q -y --no-install-recommends python3-venv && \
    rm -rf /var/lib/apt/lists/*
