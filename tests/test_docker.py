"""The Dockerfile, as far as it can be read: who runs, what is copied, and how it is asked for its health."""

from __future__ import annotations

import fnmatch
import json
import re
import shlex
import tomllib

import tiny
from cxnlp.cli.main import build_parser

LINES = (tiny.REPOSITORY / "Dockerfile").read_text("utf-8").replace("\\\n", " ").splitlines()
STEPS = [tuple(line.split(None, 1)) for line in LINES if line.strip() and not line.startswith("#")]
IGNORED = (tiny.REPOSITORY / ".dockerignore").read_text("utf-8").splitlines()


def of(kind: str) -> list[str]:
    return [rest for name, rest in STEPS if name == kind]


def last_stage() -> list[tuple[str, ...]]:
    return STEPS[max(i for i, (name, _) in enumerate(STEPS) if name == "FROM") :]


def test_every_base_is_pinned_to_a_minor_version_that_cxnlp_takes() -> None:
    assert len(of("FROM")) == 2
    for base in of("FROM"):
        found = re.fullmatch(r"python:3\.(\d+)-slim( AS \w+)?", base)
        assert found and int(found[1]) >= 11, base
    assert len({base.split()[0] for base in of("FROM")}) == 1  # the environment is moved from one to the other


def test_it_runs_as_a_numbered_user_that_is_not_root() -> None:
    (user,) = [rest for name, rest in last_stage() if name == "USER"]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
    names = [name for name, _ in last_stage()]
    assert names.index("USER") < names.index("ENTRYPOINT")
    assert "RUN" not in names  # nothing is done as root there


def test_there_is_no_secret_and_no_torch_in_it() -> None:
    whole = "\n".join(LINES)
    assert of("ARG") == [] and of("ADD") == []
    for name in ("KEY=", "TOKEN", "SECRET", "PASSWORD"):
        assert name not in "\n".join(" ".join(step) for step in STEPS).upper()
    installs = re.findall(r"pip install (.*)", whole)
    assert installs == ['--no-cache-dir ".[serve]"']
    assert "torch" not in "\n".join(" ".join(step) for step in STEPS)


def test_what_is_copied_exists_and_is_not_ignored() -> None:
    kept = [line[1:] for line in IGNORED if line.startswith("!")]
    assert IGNORED[1] == "*"
    sources = [word for rest in of("COPY") if not rest.startswith("--from") for word in rest.split()[:-1]]
    assert len(sources) == 8
    for source in sources:
        assert (tiny.REPOSITORY / source).exists()
        assert any(source == name or fnmatch.fnmatch(source, f"{name}/*") for name in kept), source
    assert set(kept) == set(sources)
    project = tomllib.loads((tiny.REPOSITORY / "pyproject.toml").read_text("utf-8"))
    needed = [*project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"], project["project"]["readme"]]
    for path in [*needed, *project["project"]["license-files"], "src"]:
        assert path in sources


def test_the_command_and_its_health_check() -> None:
    (entry,) = of("ENTRYPOINT")
    args = build_parser().parse_args(json.loads(entry)[1:])
    assert (args.command, args.host, args.port) == ("serve", "0.0.0.0", 8000)
    assert of("EXPOSE") == [str(args.port)]
    (health,) = of("HEALTHCHECK")
    command = json.loads(health[health.index("[") :])
    assert command[:2] == ["python", "-c"]
    compile(command[2], "HEALTHCHECK", "exec")
    assert f"127.0.0.1:{args.port}/healthz" in command[2]
    assert "curl" not in shlex.join(command)
