# A small image for CI jobs that judge and show what was measured elsewhere:
#   docker build -t ganeval . && docker run --rm -v "$PWD:/work" ganeval gate result.json
# With the CPU build of PyTorch, to measure as well: docker build --build-arg EXTRA=torch -t ganeval:cpu .
FROM python:3.12-slim
ARG EXTRA=""
COPY pyproject.toml README.md LICENSE /src/
COPY ganeval /src/ganeval
COPY reference_models /src/reference_models
RUN if [ -n "$EXTRA" ]; then pip install --no-cache-dir torch --index-url https://download.pytorch.org/whl/cpu; fi \
    && pip install --no-cache-dir "/src${EXTRA:+[$EXTRA]}" \
    && rm -rf /src
RUN useradd --create-home ganeval
USER ganeval
WORKDIR /work
ENTRYPOINT ["ganeval"]
CMD ["--help"]
