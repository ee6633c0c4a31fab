"""A Tagger inside a service: threads, forks, spawned processes, asyncio. The shipped model, because it has threads."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import tiny
from cxnlp import Tagger
from cxnlp.bundle import shipped_bundle
from cxnlp.text import language

TEXTS = [
    "Pakken kom aldri, men appen er fin", "Lovely staff and a fair price!", "Bra", "Servicen i butiken var usel.",
    "", "Det tog tre uger at få svar på min mail.", "The app crashes when I pay 🙂", "Helt topp!",
]  # fmt: skip

# Each script prints "same" if the children gave the parent's probabilities; a child that hangs is ended by its alarm.
_FORK = """
import os, signal, sys
import numpy as np
from cxnlp import Tagger

texts = {texts!r}
tagger = Tagger.load({bundle!r}, threads=2)
if {scored}:
    tagger.tag(texts)
pid = os.fork()
if pid == 0:
    signal.alarm(120)
    if {used}:
        found = tagger.probabilities(texts)
        tagger.tag(texts)
        np.save({result!r}, found)
    sys.exit(0)  # an ordinary end, which takes everything down
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
if {used}:
    assert np.abs(np.load({result!r}) - tagger.probabilities(texts)).max() < 1e-6
print("same")
"""
_PROCESSES = """
import multiprocessing, sys
import numpy as np
from cxnlp import Tagger

texts = {texts!r}

def loads(_):
    return Tagger.load({bundle!r}, threads=1).probabilities(texts)

if __name__ == "__main__":
    with multiprocessing.get_context(sys.argv[1]).Pool(2) as pool:
        first, second = pool.map(loads, range(2))
    tagger = Tagger.load({bundle!r}, threads=1)
    assert np.abs(first - second).max() == 0
    assert np.abs(first - tagger.probabilities(texts)).max() < 1e-6
    print("same")
"""
_TORCH = """
import os, sys
from cxnlp import Tagger
from cxnlp.errors import BackendError

tagger = Tagger.load({bundle!r}, backend="torch", device="cpu")
tagger.tag(["Bra"])
sys.stdout.flush()
pid = os.fork()
if pid == 0:
    try:
        tagger.tag(["Bra"])
    except BackendError as error:
        print(error, flush=True)
        os._exit(3)
    os._exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 3
"""
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")


def run(script: str, *arguments: str, cwd: Path) -> str:
    path = cwd / "service.py"
    path.write_text(script, "utf-8")
    command = [sys.executable, "-W", "ignore", str(path), *arguments]
    done = subprocess.run(command, env=tiny.environment(), capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def tagger() -> Tagger:
    return Tagger.load()


def test_sixteen_threads_give_what_one_gives(tagger: Tagger) -> None:
    one = tagger.tag(TEXTS)
    with ThreadPoolExecutor(16) as pool:
        many = list(pool.map(tagger.tag, [TEXTS[i:] + TEXTS[:i] for i in range(len(TEXTS))] * 4))
    for i, found in enumerate(many):
        shift = i % len(TEXTS)
        expected = one[shift:] + one[:shift]
        assert [p.as_record() for p in found] == [p.as_record() for p in expected]


def test_asyncio(tagger: Tagger) -> None:
    async def all_at_once() -> list[str]:
        found = await asyncio.gather(*(asyncio.to_thread(tagger.tag, [text]) for text in TEXTS))
        return [str(one.sentiment) for (one,) in found]

    assert asyncio.run(all_at_once()) == [one.sentiment for one in tagger.tag(TEXTS)]


@forks
@pytest.mark.parametrize(("scored", "used"), [(True, True), (False, True), (True, False)])
def test_a_fork_of_a_process_that_has_loaded(scored: bool, used: bool, tmp_path: Path) -> None:
    result = str(tmp_path / "probabilities.npy")
    script = _FORK.format(texts=TEXTS, bundle=str(shipped_bundle()), scored=scored, used=used, result=result)
    assert run(script, cwd=tmp_path) == "same\n"


@pytest.mark.parametrize("method", [pytest.param("fork", marks=forks), "spawn"])
def test_workers_that_load_for_themselves(method: str, tmp_path: Path) -> None:
    script = _PROCESSES.format(texts=TEXTS, bundle=str(shipped_bundle()))
    assert run(script, method, cwd=tmp_path) == "same\n"


@forks
def test_the_torch_back_end_refuses_in_a_fork(tiny_bundle: Path, tmp_path: Path) -> None:
    assert "call Tagger.load in each process" in run(_TORCH.format(bundle=str(tiny_bundle)), cwd=tmp_path)


def test_a_bundle_replaced_since_it_was_loaded_is_not_mixed_in(tiny_bundle: Path, tmp_path: Path) -> None:
    from cxnlp.errors import BackendError

    folder = tmp_path / "bundle"
    shutil.copytree(tiny_bundle, folder)
    tagger = Tagger.load(folder)
    before = tagger.probabilities(TEXTS[:1])
    tagger.backend.forget()  # type: ignore[attr-defined]  # as a fork does
    assert np.array_equal(tagger.probabilities(TEXTS[:1]), before)
    tagger.backend.forget()  # type: ignore[attr-defined]
    shutil.copyfile(folder / "model.onnx", folder / "new.onnx")
    os.replace(folder / "new.onnx", folder / "model.onnx")
    with pytest.raises(BackendError, match="was replaced after it was loaded"):
        tagger.probabilities(TEXTS[:1])


@forks
def test_a_lock_that_another_thread_held_is_new_in_a_fork() -> None:
    with language._lock:
        pid = os.fork()
        if pid == 0:
            os._exit(0 if language._lock.acquire(blocking=False) else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
