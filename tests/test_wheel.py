"""The wheel, installed where nothing else is than what it requires, scores the sample without a network."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import venv
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import tiny

SHIPPED = tiny.REPOSITORY / "models" / "nordic-small"
SAMPLE = tiny.REPOSITORY / "data" / "samples" / "feedback.csv"
BLOCK_NETWORK = """
import socket


class NoNetwork(socket.socket):
    def __init__(self, *arguments, **options):
        raise OSError("no network in this test")


socket.socket = NoNetwork
socket.create_connection = socket.getaddrinfo = NoNetwork
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [
        sys.executable,
        "-m",
        "build",
        "--wheel",
        "--no-isolation",
        "--outdir",
        str(folder),
        str(tiny.REPOSITORY),
    ]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = folder.glob("*.whl")
    return path


def _required(wheel: Path) -> dict[str, metadata.Distribution]:
    """The distributions that the wheel requires, and those that they require."""
    with zipfile.ZipFile(wheel) as file:
        name = next(name for name in file.namelist() if name.endswith(".dist-info/METADATA"))
        text = file.read(name).decode()
    waiting = [line.partition(": ")[2] for line in text.splitlines() if line.startswith("Requires-Dist: ")]
    found: dict[str, metadata.Distribution] = {}
    while waiting:
        requirement = Requirement(waiting.pop())
        if requirement.name in found or (requirement.marker and not requirement.marker.evaluate({"extra": ""})):
            continue
        found[requirement.name] = metadata.distribution(requirement.name)
        waiting += found[requirement.name].requires or []
    return found


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment of its own, to which the packages that the wheel requires are linked."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    query = [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    packages = Path(subprocess.run(query, capture_output=True, encoding="utf-8", check=True).stdout.strip())
    for distribution in _required(wheel).values():
        tops = {file.parts[0] for file in distribution.files or [] if ".." not in file.parts}
        for top in tops - {"__pycache__"}:
            if not (packages / top).exists():
                (packages / top).symlink_to(Path(str(distribution.locate_file(top))))
    (packages / "no_network.py").write_text(BLOCK_NETWORK, "utf-8")
    (packages / "no_network.pth").write_text("import no_network\n", "utf-8")  # read at every start
    command = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-deps", "--no-index", str(wheel)]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def _run(*command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    return subprocess.run(command, cwd=cwd, env=clean, capture_output=True, encoding="utf-8", timeout=300)


def test_what_the_wheel_holds(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as file:
        names = set(file.namelist())
    model = {f"cxnlp/models/nordic-small/{path.name}" for path in SHIPPED.iterdir() if path.is_file()}
    assert "cxnlp/models/nordic-small/manifest.json" in model
    assert model <= names
    assert {"cxnlp/py.typed", "cxnlp/taxonomy/default.toml", "cxnlp/cli/main.py"} <= names
    assert {f"cxnlp/checklist/{lang}.jsonl" for lang in ("no", "da", "sv", "en")} <= names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert {name.split("/")[0].split("-")[0] for name in names} == {"cxnlp"}
    assert not [name for name in names if "test" in name.lower() or "corpus" in name or "__pycache__" in name]
    assert wheel.stat().st_size < 80_000_000


def test_it_requires_no_torch(wheel: Path) -> None:
    required = set(_required(wheel))
    assert {"numpy", "onnxruntime", "tokenizers", "py3langid", "tqdm"} <= required
    assert not required & {"torch", "transformers", "datasets", "accelerate", "onnx", "safetensors", "scipy"}


def test_it_scores_the_sample_alone_and_offline(environment: Path, tmp_path: Path) -> None:
    python, cxnlp = str(environment / "bin" / "python"), str(environment / "bin" / "cxnlp")
    for absent in ("torch", "transformers", "pytest"):
        assert "ModuleNotFoundError" in _run(python, "-c", f"import {absent}", cwd=tmp_path).stderr
    assert "no network" in _run(python, "-c", "import socket; socket.socket()", cwd=tmp_path).stderr
    output = tmp_path / "scored.csv"
    done = _run(cxnlp, "score", str(SAMPLE), "--output", str(output), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "76 reviews scored" in done.stdout
    assert "Traceback" not in done.stderr
    with output.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    with SAMPLE.open(encoding="utf-8-sig", newline="") as file:
        expected = list(csv.DictReader(file))
    assert len(rows) == 76
    assert [row["review_id"] for row in rows] == [row["review_id"] for row in expected]
    assert {row["cx_language"] for row in rows} >= {"no", "da", "sv", "en"}
    assert all(row["cx_sentiment"] for row in rows if "empty" not in row["cx_flags"])


def test_it_says_what_it_is_and_what_it_lacks(environment: Path, tmp_path: Path) -> None:
    cxnlp = str(environment / "bin" / "cxnlp")
    done = _run(cxnlp, "info", cwd=tmp_path)
    assert done.returncode == 0
    assert "all hashes as recorded" in done.stdout
    done = _run(cxnlp, "train", "recipe.toml", cwd=tmp_path)
    assert done.returncode == 2
    assert 'pip install "cxnlp[train]"' in done.stderr
    assert "Traceback" not in done.stderr
