# Sentinel's image. What runs is `dist/`, which needs no packages beside it.
#
#   docker build --build-arg SENTINEL_COMMIT="$(git rev-parse HEAD)" -t sentinel .
#   docker run --rm -p 127.0.0.1:8000:8000 -v sentinel-data:/data -e OPENAI_API_KEY sentinel

# The Node that package.json pins. Another image does as well that has this Node and npm in its PATH.
ARG NODE_IMAGE=node:26.10.0-trixie-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json ./
# No package's script runs. The one of the package `node` would download the Node that is here already.
RUN --mount=type=cache,target=/root/.npm \
    npm ci --ignore-scripts --no-audit --no-fund \
    && rm -rf node_modules/node node_modules/.bin/node
COPY tsconfig.json LICENSE ./
COPY bin bin
COPY scripts scripts
COPY src src
ARG SENTINEL_COMMIT=unknown
RUN node scripts/build.ts --commit "${SENTINEL_COMMIT}" \
    # For docker-compose.dev.yml, which runs the sources in this stage.
    && install -d -o 10001 -g 10001 -m 0700 /data

# What Node compiles, so that the first start is as fast as the second, also on a read-only file system.
FROM ${NODE_IMAGE} AS warm
WORKDIR /app
COPY --from=build /app/dist dist
COPY --from=build /app/scripts/container/warm-compile-cache.js scripts/container/
RUN install -d -o 10001 -g 10001 .cache
USER 10001:10001
RUN node scripts/container/warm-compile-cache.js && chmod -R a=rX .cache

FROM ${NODE_IMAGE}
ARG SENTINEL_COMMIT=unknown
ARG SENTINEL_VERSION=0.1.0
LABEL org.opencontainers.image.title="Sentinel" \
      org.opencontainers.image.description="The LLM gateway: point your OpenAI client at it and change nothing else." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${SENTINEL_VERSION}" \
      org.opencontainers.image.revision="${SENTINEL_COMMIT}"
WORKDIR /app
COPY --from=build /app/package.json /app/LICENSE ./
COPY --from=build /app/bin bin
COPY --from=build /app/scripts/container/healthcheck.js /app/scripts/container/make-secrets.js scripts/container/
COPY --from=build /app/dist dist
COPY --from=warm /app/.cache .cache
RUN install -d -o 10001 -g 10001 -m 0700 /data \
    && ln -s /app/bin/sentinel.js /usr/local/bin/sentinel
ENV NODE_ENV=production \
    SENTINEL_HOST=0.0.0.0 \
    SENTINEL_PORT=8000 \
    SENTINEL_DATA_DIR=/data
# By number, so that Kubernetes can tell that it is not root.
USER 10001:10001
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["node", "/app/scripts/container/healthcheck.js"]
# Node is process 1: it takes SIGTERM itself, also while Sentinel starts (src/main.ts), and has no children to wait for. Only in
# the first hundredths of a second, before Node runs anything, is it not heard; `docker run --init` helps there.
CMD ["node", "dist/main.js"]
