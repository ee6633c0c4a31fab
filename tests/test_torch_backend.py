"""The torch back end's device code: the same path on a processor as on a GPU, with memory that a test decides on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

import tiny
from cxnlp import Tagger
from cxnlp.cli.main import main
from cxnlp.errors import BackendError
from cxnlp.inference.backend import Floats
from cxnlp.inference.budget import TokenBudget
from cxnlp.inference.device import CudaDevice, HostDevice, Memory
from cxnlp.inference.torch_backend import TorchBackend
from cxnlp.text import Batch, batches, pad

TEXTS = tiny.sample_texts() + [record["text"] for record in tiny.records()]
PAD = 1
SINGLES = [[7] * n for n in (9, 4, 30, 1, 12, 5, 5, 26, 2, 8)]


class SmallDevice(HostDevice):
    """A processor that claims to have a GPU's memory, of which a token needs ``bytes_per_token``."""

    def __init__(self, tokens: int = 64, most: int = 4_096, free: int = 1 << 40, bytes_per_token: int = 100) -> None:
        super().__init__(torch.device("cpu"))
        self.start, self.free, self.bytes_per_token = TokenBudget(tokens, most, rows=1_000), free, bytes_per_token
        self.peak = 0
        self.events: list[str] = []
        self.released = 0

    def budget(self) -> TokenBudget:
        return self.start

    def send(self, batch: Batch) -> tuple[Tensor, Tensor]:
        self.events.append(f"send {len(batch.rows)}x{batch.ids.shape[1]}")
        self.peak = 1_000 + batch.ids.size * self.bytes_per_token
        return super().send(batch)

    def fetch(self, logits: Tensor) -> Callable[[], Floats]:
        fetched, n = super().fetch(logits), len(logits)

        def wait() -> Floats:
            self.events.append(f"wait {n}")
            return fetched()

        return wait

    def memory(self) -> Memory | None:
        return Memory(self.free, used=1_000, peak=self.peak)

    def release(self) -> None:
        self.released += 1


class Sums(nn.Module):
    """Answers with the sum of the ids, and with an error for more than ``room`` tokens."""

    def __init__(
        self, room: int = 1 << 40, error: type[RuntimeError] = torch.OutOfMemoryError, words: str = ""
    ) -> None:
        super().__init__()
        self.room, self.error, self.words, self.sizes = room, error, words, list[int]()

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        self.sizes.append(ids.numel())
        if ids.numel() > self.room:
            raise self.error(self.words or "out of memory. Tried to allocate 2.00 GiB\nand more lines")
        return (ids * mask).sum(1, keepdim=True).float()


def backend_of(network: nn.Module, device: SmallDevice | None = None) -> TorchBackend:
    return TorchBackend(network, device or SmallDevice())  # type: ignore[arg-type]


def sums(backend: TorchBackend, sequences: Sequence[Sequence[int]], tokens: int | None = None) -> list[float]:
    """What the back end says of each sequence; every one must be answered once."""
    out: dict[int, float] = {}
    for batch, logits in backend.logits_many(batches(sequences, PAD, tokens or backend.max_batch_tokens, 1_000)):
        assert logits.dtype == np.float32
        for row, value in zip(batch.rows.tolist(), logits[:, 0].tolist(), strict=True):
            assert row not in out
            out[row] = value
    return [out[row] for row in range(len(sequences))]


# Halves


@given(st.lists(st.lists(st.integers(2, 9), min_size=1, max_size=12), min_size=2, max_size=9))
def test_halves_hold_the_same_rows_and_no_more_padding_than_needed(sequences: list[list[int]]) -> None:
    whole = pad(sequences, PAD)
    first, second = whole.halves()
    assert abs(len(first.rows) - len(second.rows)) <= 1
    assert [*first.rows, *second.rows] == list(range(len(sequences)))
    for part in (first, second):
        assert part.ids.shape == part.mask.shape
        assert part.ids.shape[1] == max(len(sequences[row]) for row in part.rows)
        for ids, mask, row in zip(part.ids, part.mask, part.rows, strict=True):
            assert ids[mask == 1].tolist() == sequences[row]


# Out of memory


@pytest.mark.parametrize("room", [30, 31, 64, 100, 1_000])
def test_batches_are_halved_until_there_is_room(room: int) -> None:
    device, network = SmallDevice(tokens=128), Sums(room)
    backend = backend_of(network, device)
    assert sums(backend, SINGLES) == [7 * len(ids) for ids in SINGLES]
    failed = [size for size in network.sizes if size > room]
    assert device.released == len(failed)
    assert (room >= 128) == (not failed)


def test_after_a_failure_batches_are_smaller() -> None:
    network = Sums(room=50)
    backend = backend_of(network, SmallDevice(tokens=120))
    # 12 sequences of 10: one batch of 120 fails, then two of 60 are not tried but divided, then four of 30 fit.
    assert sums(backend, [[7] * 10] * 12) == [70.0] * 12
    assert network.sizes == [120, 60, 30, 30, 30, 30]
    assert backend.max_batch_tokens == 30
    network.sizes.clear()
    assert sums(backend, [[7] * 10] * 12) == [70.0] * 12
    assert network.sizes == [30] * 4  # it has learnt, and does not grow back into what failed


def test_a_larger_batch_than_what_failed_is_not_even_tried() -> None:
    network = Sums(room=50)
    backend = backend_of(network, SmallDevice(tokens=120))
    sums(backend, [[7] * 10] * 12)
    network.sizes.clear()
    assert backend.logits(pad([[7] * 10] * 24, PAD)).tolist() == [[70.0]] * 24
    assert max(network.sizes) == 30


def test_one_row_without_room_is_explained() -> None:
    backend = backend_of(Sums(room=29))
    with pytest.raises(BackendError) as caught:
        sums(backend, SINGLES)
    message = str(caught.value)
    assert message.startswith(
        "cpu: no room for a single row of 30 tokens (out of memory. Tried to allocate 2.00 GiB); "
    )
    assert 'choose device="cpu"' in message


@pytest.mark.parametrize(
    "words",
    [
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate`",
        "DefaultCPUAllocator: can't allocate memory",
    ],
)
def test_other_words_for_no_room(words: str) -> None:
    assert sums(backend_of(Sums(40, RuntimeError, words)), SINGLES) == [7 * len(ids) for ids in SINGLES]


def test_other_errors_are_not_taken_for_it() -> None:
    with pytest.raises(RuntimeError, match="device-side assert"):
        sums(backend_of(Sums(20, RuntimeError, "device-side assert triggered")), SINGLES)


def test_labels_are_the_same_when_memory_runs_out(tiny_bundle: Path) -> None:
    tagger = Tagger.load(tiny_bundle, backend="torch", device="cpu")
    expected = tagger.tag(TEXTS, languages=False)
    network = tagger.backend.network  # type: ignore[attr-defined]
    n_failed = 0

    def fail(_module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        nonlocal n_failed
        if inputs[0].numel() > 200:
            n_failed += 1
            raise torch.OutOfMemoryError("out of memory")

    tagger.backend = backend_of(network, SmallDevice(tokens=2_048))
    steps: list[int] = []
    with network.register_forward_pre_hook(fail):
        found = tagger.tag(TEXTS, languages=False, progress=steps.append)
    assert n_failed
    assert [p.labels for p in found] == [p.labels for p in expected]
    assert sum(steps) == len(TEXTS)


# The budget


def test_the_budget_by_hand() -> None:
    budget = TokenBudget(100, most=1_000, rows=8)
    batch = pad([[7] * 20] * 5, PAD)  # 100 tokens
    budget.learn(batch, used_bytes=1_000, free_bytes=1_000_000)  # 10 a token: 70,000 would fit
    assert (budget.tokens, budget.rows) == (200, 8)
    budget.learn(batch, used_bytes=1_000, free_bytes=1_000_000)  # half of it filled: says nothing
    assert budget.tokens == 200
    budget.learn(pad([[7] * 20] * 8, PAD), used_bytes=3_200, free_bytes=10_000)  # 20 a token: 0.7 × 10,000 / 20
    assert budget.tokens == 350
    budget.learn(pad([[7] * 20] * 15, PAD), used_bytes=3_000, free_bytes=4_000)  # less is free than before
    assert budget.tokens == 140
    for _ in range(9):
        budget.learn(pad([[7] * 20] * 50, PAD), used_bytes=20_000, free_bytes=1 << 40)
    assert (budget.tokens, budget.rows, budget.may_grow) == (1_000, 31, False)
    budget.too_much(pad([[7] * 20] * 40, PAD))
    assert (budget.tokens, budget.may_grow, budget.refuses(pad([[7] * 20] * 21, PAD))) == (400, False, True)
    assert not budget.refuses(pad([[7] * 500], PAD))  # one row cannot be divided


def test_the_budget_grows_to_the_memory_that_is_free() -> None:
    roomy, tight = SmallDevice(free=1 << 40), SmallDevice(free=20_000)
    for device in (roomy, tight):
        backend = backend_of(Sums(), device)
        for _ in range(10):
            sums(backend, [[7] * 10] * 1_000)
    assert roomy.start.tokens == 4_096
    assert tight.start.tokens == 140  # 0.7 × 20,000 bytes at 100 a token


def test_a_processor_keeps_its_budget(tiny_bundle: Path) -> None:
    backend = Tagger.load(tiny_bundle, backend="torch", device="cpu").backend
    assert (backend.max_batch_tokens, backend.max_batch_rows) == (2_048, 64)
    backend.logits(pad([[7] * 30] * 60, PAD))
    assert backend.max_batch_tokens == 2_048


# Working ahead, precision, fused attention


def test_a_batch_is_sent_before_the_one_before_it_is_waited_for() -> None:
    device = SmallDevice(tokens=20)
    found = backend_of(Sums(), device).logits_many(batches([[7] * 10, [7] * 10, [7] * 4, [7] * 4, [7] * 2], PAD, 20, 2))
    next(found)
    assert device.events == ["send 2x10", "send 2x4", "wait 2"]
    assert len(list(found)) == 2
    assert device.events[3:] == ["send 1x2", "wait 2", "wait 1"]


def test_batches_are_taken_one_ahead_and_not_all_at_once() -> None:
    taken = []

    def made() -> Iterator[Batch]:
        for i in range(5):
            taken.append(i)
            yield pad([[7] * 3], PAD)

    found = backend_of(Sums()).logits_many(made())
    next(found)
    assert taken == [0, 1]


def test_no_batches() -> None:
    assert list(backend_of(Sums()).logits_many([])) == []


@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16])
def test_sixteen_bits_change_little(tiny_bundle: Path, half: torch.dtype) -> None:
    tagger = Tagger.load(tiny_bundle, backend="torch", device="cpu")
    exact = tagger.probabilities(TEXTS)
    device = SmallDevice(tokens=2_048)
    device.half = half
    tagger.backend = backend_of(tagger.backend.network, device)  # type: ignore[attr-defined]
    found = tagger.probabilities(TEXTS)
    assert 0 < np.abs(found - exact).mean() < 0.02
    assert found.dtype == np.float32


@pytest.mark.parametrize("native, expected", [(True, torch.bfloat16), (False, torch.float16)])
def test_a_gpu_without_bfloat16_gets_float16(
    native: bool, expected: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A GPU that only emulates bfloat16 says yes if it may count emulation.
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: native or including_emulation)
    monkeypatch.setattr(torch.cuda, "Stream", lambda device: None)
    assert CudaDevice(torch.device("cuda")).half == expected


def test_attention_is_fused(tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    real = nn.functional.scaled_dot_product_attention
    monkeypatch.setattr(
        nn.functional, "scaled_dot_product_attention", lambda *a, **k: (calls.append(1), real(*a, **k))[1]
    )
    Tagger.load(tiny_bundle, backend="torch", device="cpu").probabilities(["Appen var topp."])
    assert len(calls) == 2  # one a layer


# Without a GPU, and with one


@pytest.mark.parametrize(
    "backend, words", [("torch", "torch sees no CUDA device"), ("onnx", "the onnx back end runs on the CPU only")]
)
def test_cuda_without_one_is_an_error_and_not_a_silent_processor(
    backend: str, words: str, tiny_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    source = tiny.write_jsonl(tmp_path / "reviews.jsonl", tiny.records())
    command = ["score", str(source), "--model", str(tiny_bundle), "--backend", backend, "--device", "cuda"]
    assert main(command) == 2
    assert words in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["reviews.jsonl"]


def test_a_gpu_that_cannot_be_used_is_explained(tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(CudaDevice):
        def __init__(self, device: torch.device) -> None:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 MiB\nGPU 0 has …")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr("cxnlp.inference.device.CudaDevice", Full)
    for device in ("cuda", "auto"):
        with pytest.raises(
            BackendError, match=r"cannot be used \(CUDA out of memory. Tried to allocate 20 MiB\); free"
        ):
            Tagger.load(tiny_bundle, backend="torch", device=device)


needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


@pytest.mark.cuda
@needs_cuda
def test_the_budget_grows_on_a_gpu(tiny_bundle: Path) -> None:
    backend = Tagger.load(tiny_bundle, backend="torch", device="cuda").backend
    before = backend.max_batch_tokens
    backend.logits(pad([[7] * 30] * (before // 30), PAD))
    assert backend.max_batch_tokens == 2 * before


@pytest.mark.cuda
@needs_cuda
def test_a_gpu_that_is_really_full(tiny_bundle: Path) -> None:
    tagger = Tagger.load(tiny_bundle, backend="torch", device="cuda")
    expected = tagger.probabilities(TEXTS * 40)
    before = tagger.backend.max_batch_tokens
    total = torch.cuda.mem_get_info()[1]
    torch.cuda.empty_cache()
    try:
        torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_allocated() + 8_000_000) / total)
        found = tagger.probabilities(TEXTS * 40)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert np.abs(found - expected).mean() < 0.02
    assert tagger.backend.max_batch_tokens < before


@pytest.mark.cuda
@needs_cuda
def test_threads_share_a_gpu(tiny_bundle: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    tagger = Tagger.load(tiny_bundle, backend="torch", device="cuda")
    expected = tagger.probabilities(TEXTS)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: tagger.probabilities(TEXTS), range(16)):
            assert np.abs(found - expected).max() < 0.02
