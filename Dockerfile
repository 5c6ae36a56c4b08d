# SPDX-License-Identifier: Apache-2.0
# The image of pgcaretaker:  docker build -t pgcaretaker .
#
# Runs as a user without privileges on a read-only root file system; mount a configuration over
# /etc/pgcaretaker/pgcaretaker.toml, or override single settings with --set. Secrets come as files.
#   docker run --read-only --cap-drop ALL -p 9791:9791 \
#     -v ./mine.toml:/etc/pgcaretaker/pgcaretaker.toml:ro \
#     pgcaretaker run --set http.listen=0.0.0.0:9791

FROM debian:bookworm-slim AS build
# What `./dev build` asks for, without the tests.
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
      g++ cmake ninja-build ccache pkg-config libboost1.81-dev libpq-dev prometheus-cpp-dev \
      libspdlog-dev libfmt-dev libtomlplusplus-dev libcli11-dev nlohmann-json3-dev \
      libsystemd-dev libzstd-dev libssl-dev
WORKDIR /source
COPY CMakeLists.txt CMakePresets.json ./
COPY cmake cmake
COPY daemon daemon
RUN cmake --preset release -DPGCARETAKER_TESTS=OFF && \
    cmake --build build/release --target pgcaretaker && \
    strip build/release/daemon/pgcaretaker

FROM debian:bookworm-slim
# ca-certificates: sslrootcert=system and public certificate authorities.
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
      ca-certificates libpq5 libprometheus-cpp-core1.0 libspdlog1.10 libfmt9 libtomlplusplus3 \
      libsystemd0 libzstd1 libssl3 && \
    rm -rf /var/lib/apt/lists/*
COPY --from=build /source/build/release/daemon/pgcaretaker /usr/bin/pgcaretaker
COPY config/pgcaretaker.toml /etc/pgcaretaker/pgcaretaker.toml
# Mount a volume here for archive.directory; an empty one takes over this owner.
RUN install -d -m 700 -o 64000 -g 64000 /var/lib/pgcaretaker/archive
# A number, so that Kubernetes' runAsNonRoot can see that it is not root.
USER 64000:64000
EXPOSE 9791
# The binary asks the daemon itself: no curl in the image. Unhealthy = /ready says no, with the
# reason in `docker inspect`. Orchestrators that restart on it should probe /health instead.
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
  CMD ["/usr/bin/pgcaretaker", "status"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/bin/pgcaretaker"]
CMD ["run", "--set", "http.listen=0.0.0.0:9791"]
