# syntax=docker/dockerfile:1
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --package waddlebot --bin waddlebot \
    && install -D -m 0755 target/release/waddlebot /out/waddlebot

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates tzdata \
    && rm -rf /var/lib/apt/lists/* \
    && install -d -o 10001 -g 10001 -m 0700 /data
COPY --from=build /out/waddlebot /usr/local/bin/waddlebot

# Everything that is written is below /data, so the rest may be read-only:
#   docker run --read-only --cap-drop ALL --security-opt no-new-privileges -p 8060:8060 -v waddlebot:/data waddlebot
USER 10001:10001
VOLUME /data
EXPOSE 8060 8061
ENV WADDLEBOT_DATA=/data \
    WADDLEBOT_LISTEN=0.0.0.0:8060
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
    CMD ["waddlebot", "doctor", "--health"]
ENTRYPOINT ["waddlebot"]
CMD ["run"]
