"""Where the time of the onnx back end goes, operator by operator, as ONNX Runtime's own profiler tells it.

    python benchmarks/profile_onnx.py --data REVIEWS.jsonl

Shares, not speeds: profiling itself costs time, most of it where operators are small.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from speed import sample
from tables import table

# Products of whole layers have widths that are multiples of this; those of the heads have not.
_WIDE = 64


def main(argv: Sequence[str] | None = None) -> int:
    """Score reviews under the profiler and print the shares."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, metavar="FILE.jsonl", help="reviews, a text in each line")
    parser.add_argument("--rows", type=int, default=300, help="reviews to take (default: 300)")
    parser.add_argument("--model", metavar="BUNDLE", help="folder of a model (default: the shipped one)")
    parser.add_argument("--threads", type=int, default=0, help="of ONNX Runtime (default: as many as cores)")
    parser.add_argument("--batch-tokens", type=int, help="tokens in a batch (default: the back end's)")
    args = parser.parse_args(argv)
    events = profiled(sample(args.data, args.rows), args.model, args.threads, args.batch_tokens)
    times: Counter[str] = Counter()
    calls: Counter[str] = Counter()
    for what, microseconds in events:
        times[what] += microseconds
        calls[what] += 1
    total = sum(times.values())
    rows = [[what, f"{calls[what]:,}", f"{us / total:.1%}"] for what, us in times.most_common()]
    print(table(["operator", "calls", "share"], rows))
    return 0


def profiled(
    texts: list[str], model: str | None, threads: int, batch_tokens: int | None
) -> Iterator[tuple[str, float]]:
    """Score texts, and yield (operator, microseconds) of every call of every operator."""
    import onnxruntime

    from cxnlp import Tagger
    from cxnlp.bundle import load_bundle, shipped_bundle
    from cxnlp.inference.onnx_backend import OnnxBackend

    with tempfile.TemporaryDirectory() as folder:
        options = onnxruntime.SessionOptions()
        options.enable_profiling = True
        options.profile_file_prefix = str(Path(folder) / "profile")
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        tagger = Tagger.load(model)
        graph = load_bundle(Path(model) if model else shipped_bundle()).onnx
        engine = OnnxBackend(graph, threads=1)  # batches one after the other, by the session below
        engine.session = onnxruntime.InferenceSession(str(graph), options, ["CPUExecutionProvider"])
        engine.max_batch_tokens = batch_tokens or engine.max_batch_tokens
        tagger.backend = engine
        tagger.probabilities(texts)
        trace = Path(engine.session.end_profiling())
        events = json.loads(trace.read_text("utf-8"))
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            yield _operator(event["args"]), float(event["dur"])


def _operator(args: Mapping[str, Any]) -> str:
    """Name an operator; products by what they multiply."""
    name = str(args["op_name"])
    # Weights that were packed beforehand have no shape any more, so the widths are those of input and output.
    inputs = [next(iter(shape.values())) for shape in args["input_type_shape"]]
    outputs = [next(iter(shape.values())) for shape in args["output_type_shape"]]
    depth, columns = (shapes[0][-1] if shapes and shapes[0] else 0 for shapes in (inputs, outputs))
    if name == "MatMulIntegerToFloat":
        return f"{name} {depth} → {columns}"
    if name in ("MatMul", "FusedMatMul", "Gemm"):
        return f"{name}, float32 {depth} → {columns}" if depth % _WIDE == 0 == columns % _WIDE else f"{name}, heads"
    return name


if __name__ == "__main__":
    sys.exit(main())
