# The gateway of conf/ in a container: Debian's own nginx and the modules built for it.
# Every step is a script that runs outside of containers, too.
#
#   docker build -t gatehouse .
#   docker run -p 8080:8080 -v "$PWD/keys:/etc/nginx/gatehouse/keys:ro" gatehouse
#
# The keys are yours to bring: without keys/hmac.secret and keys/identity.secret the gateway refuses
# to start. Mount /etc/nginx/gatehouse as a whole for a configuration of your own; Redis is looked
# for at 127.0.0.1:6379 otherwise.

ARG BASE=debian:bookworm-slim

FROM ${BASE} AS build
WORKDIR /gatehouse
COPY scripts/setup scripts/
COPY scripts/lib scripts/lib
RUN scripts/setup --build
COPY . .
RUN scripts/build --preset default
RUN scripts/install /gatehouse/out/root

FROM ${BASE}
COPY scripts/setup /tmp/gatehouse/scripts/
COPY scripts/lib /tmp/gatehouse/scripts/lib
COPY scripts/prepare-container /tmp/gatehouse/scripts/
RUN /tmp/gatehouse/scripts/prepare-container
COPY --from=build /gatehouse/out/root/ /
USER gatehouse
EXPOSE 8080
STOPSIGNAL SIGQUIT
CMD ["nginx", "-p", "/var/lib/gatehouse/", "-c", "/etc/nginx/gatehouse/gateway.conf", "-g", "daemon off;"]
