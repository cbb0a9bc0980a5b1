# Two stages: one that compiles, and a small one with the command and the certificates that its TLS checks against.
#
#   docker build -t groupkeeper .
#   docker run -d --name groupkeeper --restart unless-stopped --stop-timeout 15 -p 127.0.0.1:8080:8080 \
#     -v "$PWD/groupkeeper.toml:/etc/groupkeeper/groupkeeper.toml:ro" \
#     -v "$PWD/rules:/rules:ro" -v groupkeeper-data:/data groupkeeper
#
# docs/operating.md says what belongs around it.

FROM rust:1.95-slim-bookworm AS builder
WORKDIR /build

# The dependencies by themselves, with nothing of ours to compile: this layer is built again only when they change.
# (rust-toolchain.toml stays out: the image is the toolchain.)
COPY Cargo.toml Cargo.lock ./
RUN mkdir src \
 && echo 'fn main() {}' > src/main.rs \
 && touch src/lib.rs \
 && cargo build --locked --release --bin groupkeeper

# `docs` and `rules` are in the command: its explanations and its demo.
COPY src src
COPY docs docs
COPY rules rules
# Copied files keep their times; cargo must see that these are newer than the empty ones it has compiled.
RUN touch src/main.rs src/lib.rs && cargo build --locked --release --bin groupkeeper

FROM debian:bookworm-slim
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates \
 && rm -rf /var/lib/apt/lists/*

# A number, so that an orchestrator can see that it is not root.
RUN groupadd --gid 10001 groupkeeper \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin groupkeeper \
 && install --directory --owner=10001 --group=10001 --mode=0750 /data \
 && install --directory /rules /etc/groupkeeper
COPY --from=builder /build/target/release/groupkeeper /usr/local/bin/groupkeeper
USER 10001:10001

# The environment wins over the file: in the image, these two are where the volumes are.
ENV GROUPKEEPER_RULES_DIRECTORY=/rules GROUPKEEPER_STORE_URL=sled:/data
VOLUME ["/rules", "/data"]

# Callbacks. Health, console and metrics listen on 127.0.0.1:8081 of the container unless [admin] listen says otherwise;
# the health check asks where that says.
EXPOSE 8080
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s --retries=3 \
  CMD ["groupkeeper", "healthcheck", "--config", "/etc/groupkeeper/groupkeeper.toml"]

# SIGTERM finishes what is in flight within ten seconds; give it a little more (`docker run --stop-timeout 15`).
STOPSIGNAL SIGTERM
ENTRYPOINT ["groupkeeper"]
CMD ["serve", "--config", "/etc/groupkeeper/groupkeeper.toml"]
