# One image for web, worker and clock: the command decides. Runs as nobody in particular, on a read-only file system.
ARG PYTHON=3.13

FROM python:${PYTHON}-slim AS packages
COPY requirements.txt .
# The pins name everything and their hashes are checked. Compiled now, because nothing can be written later.
RUN python -m venv /venv \
 && /venv/bin/pip install --no-cache-dir --no-deps --require-hashes --requirement requirements.txt \
 && /venv/bin/python -m compileall -q /venv/lib

FROM python:${PYTHON}-slim
RUN useradd --system --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin nightshift
COPY --from=packages /venv /venv
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 DATA_DIR=/tmp/nightshift
WORKDIR /app
COPY . .
RUN python -m compileall -q .
USER 10001:10001
STOPSIGNAL SIGTERM
# For the web process; where the others run, it is switched off. No EXPOSE: Dokku would take it for the public port.
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ.get('PORT', '8000') + '/livez', timeout=4)"]
CMD ["gunicorn", "web.wsgi:app"]
