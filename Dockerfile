# Python and all requirements; the repository is mounted at /work: docker run --rm -v "$PWD":/work rare-species dvc repro
FROM python:3.11-slim-bookworm

# For GPUs: --build-arg TENSORFLOW_EXTRAS=[and-cuda]; the host needs NVIDIA's driver and container toolkit
ARG TENSORFLOW_EXTRAS=""

# DVC reads git's history
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git \
    && rm -rf /var/lib/apt/lists/*

COPY requirements.txt requirements-vit.txt requirements-export.txt /requirements/
RUN pip install --no-cache-dir \
      -r /requirements/requirements.txt -r /requirements/requirements-vit.txt -r /requirements/requirements-export.txt \
    && if [ -n "$TENSORFLOW_EXTRAS" ]; then \
         pip install --no-cache-dir "tensorflow$TENSORFLOW_EXTRAS==$(python -c 'import importlib.metadata as m; print(m.version("tensorflow"))')"; \
       fi

# To let the files that the container writes belong to you: docker run --user "$(id -u):$(id -g)"
RUN useradd --create-home --uid 1000 worker \
    && git config --system --add safe.directory /work
USER worker
ENV HOME=/home/worker PYTHONDONTWRITEBYTECODE=1
WORKDIR /work
CMD ["python", "-m", "rare_species", "--help"]
