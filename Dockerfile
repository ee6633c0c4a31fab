# The service in a container: no torch, nobody as its user, and a disk that may be read-only.
#   docker build -t cxnlp .
#   docker run --read-only --tmpfs /tmp --cap-drop ALL -p 127.0.0.1:8000:8000 -e CXNLP_API_KEY cxnlp
# /tmp: the model of languages is unpacked there for a moment when it is loaded, 68 MB; /dev/shm has 64 MiB.

FROM python:3.12-slim AS build
RUN python -m venv /opt/cxnlp
WORKDIR /source
COPY pyproject.toml README.md CHANGELOG.md LICENSE ./
COPY src src
COPY models/nordic-small models/nordic-small
COPY data/LICENSE data/LICENSE
COPY data/checklist data/checklist
RUN /opt/cxnlp/bin/python -m pip install --no-cache-dir ".[serve]"

FROM python:3.12-slim
COPY --from=build /opt/cxnlp /opt/cxnlp
ENV PATH=/opt/cxnlp/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
# A number, so that Kubernetes can see that it is not root (runAsNonRoot).
USER 65534:65534
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
ENTRYPOINT ["cxnlp", "serve", "--host", "0.0.0.0", "--port", "8000"]
