# syntax=docker/dockerfile:1
#
#   docker build -t aac_tf .                                                   # CPU
#   docker build -t aac_tf:gpu --build-arg EXTRAS=cuda,formats,data .          # NVIDIA GPUs
#
#   docker run --rm -v "$PWD:/data" -v aac_tf:/cache aac_tf caption dog.wav
#   docker run --rm --gpus all -v "$PWD:/data" -v aac_tf:/cache aac_tf:gpu train --config clotho_yamnet data.root=clotho

ARG PYTHON=3.13

FROM python:${PYTHON}-slim-bookworm AS build
# What is installed beside the package; extras are in setup.cfg.
ARG EXTRAS=formats,data
WORKDIR /source
RUN python -m venv /opt/aac_tf
COPY LICENSE MANIFEST.in README.md pyproject.toml setup.cfg ./
COPY aac_tf aac_tf
RUN --mount=type=cache,target=/root/.cache/pip \
    /opt/aac_tf/bin/pip install --disable-pip-version-check ".[${EXTRAS}]"

FROM python:${PYTHON}-slim-bookworm
LABEL org.opencontainers.image.title="aac_tf" \
      org.opencontainers.image.description="Automated audio captioning for Keras and TensorFlow" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/aac_tf /opt/aac_tf
# Weights and embeddings; writable for any user, so that `docker run --user` works.
RUN useradd --create-home --uid 1000 aac_tf && mkdir -m 1777 /cache /data
# A GPU of the host is used if `docker run --gpus` gives one. Libraries keep their own caches in /cache, too.
ENV PATH=/opt/aac_tf/bin:$PATH \
    AAC_TF_CACHE=/cache \
    HF_HOME=/cache/huggingface \
    TFHUB_CACHE_DIR=/cache/tfhub \
    MPLCONFIGDIR=/tmp/matplotlib \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
VOLUME /cache
WORKDIR /data
USER 1000
# What `docker stop` sends. The first process of a container ignores SIGTERM unless it handles it, which not all commands do.
STOPSIGNAL SIGINT
ENTRYPOINT ["python", "-m", "aac_tf"]
CMD ["--help"]
