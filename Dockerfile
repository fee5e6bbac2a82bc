# docker build -t loopbench .
# docker run --rm --init -u "$(id -u):$(id -g)" -v "$PWD:/w" loopbench run --quick
FROM python:3.13-slim AS build
WORKDIR /src
COPY requirements/runtime.txt requirements/
# The locked versions, without those of the extras: pip installs only what the project asks for.
RUN sed -n 's/^\([a-z0-9.-]*==.*\) \\$/\1/p' requirements/runtime.txt > versions.txt && python -m venv /opt/loopbench
COPY pyproject.toml README.md LICENSE ./
COPY loopbench loopbench
# What `loopbench` links to.
COPY plots plots
COPY locustfiles locustfiles
COPY probe probe
COPY target_app target_app
COPY scenarios scenarios
RUN PIP_CONSTRAINT=versions.txt /opt/loopbench/bin/pip install --no-cache-dir . \
    && find /opt/loopbench -name __pycache__ -prune -exec rm -r {} +

FROM python:3.13-slim
COPY --from=build /opt/loopbench /opt/loopbench
# HOME: any user may be given with -u, and only /tmp is writable for all.
ENV PATH=/opt/loopbench/bin:$PATH HOME=/tmp MPLCONFIGDIR=/tmp/matplotlib PYTHONDONTWRITEBYTECODE=1
WORKDIR /w
USER 1000:1000
ENTRYPOINT ["loopbench"]
CMD ["--help"]
