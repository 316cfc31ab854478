# syntax=docker/dockerfile:1
# docker buildx build --platform linux/amd64,linux/arm64 -t iot-analytics-connector .

# Built once, on the machine that builds: JavaScript is the same for all kinds of machines.
FROM --platform=$BUILDPLATFORM node:24-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY . .
RUN npm run build

# What the program needs beside its bundle, with DuckDB for the kind of machine that the image is for.
FROM node:24-slim AS packages
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund && mkdir /data

FROM gcr.io/distroless/nodejs24-debian13:nonroot
LABEL org.opencontainers.image.title="iot-analytics-connector" \
      org.opencontainers.image.licenses="Apache-2.0"
WORKDIR /app
COPY --from=packages /app/node_modules node_modules
COPY --from=build /build/package.json /build/LICENSE ./
COPY --from=build /build/dist dist
# A volume that is made of it belongs to the same user.
COPY --from=packages --chown=nonroot:nonroot /data /data

# The configuration is iot-analytics-connector.yaml in this folder; see docs/packages.md.
WORKDIR /config
ENV IOT_ANALYTICS_CONNECTOR__STORAGE__DIRECTORY=/data
VOLUME /data
EXPOSE 1883 8090
USER 65532
STOPSIGNAL SIGTERM
# Exit code 0 if all is well, 3 if not, 1 if the program does not answer.
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 \
  CMD ["/nodejs/bin/node", "/app/dist/program/main.js", "status", "--ready"]
ENTRYPOINT ["/nodejs/bin/node", "/app/dist/program/main.js"]
CMD ["run", "--no-banner"]
