"""A bundle is written whole or not at all, and loaded whole and verified, or refused with both names."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import tiny
from cxnlp import Tagger
from cxnlp.bundle import FORMAT_VERSION, Manifest, load_bundle, read_manifest, write_bundle
from cxnlp.bundle.manifest import digest_of
from cxnlp.bundle.store import file_record
from cxnlp.cli.main import main
from cxnlp.errors import BackendError, BundleError, CxnlpError

PHASES = ("search", "information", "purchase", "delivery", "use", "support", "retention")
FILES = ("tokenizer.json", "model.onnx", "weights.safetensors")


@pytest.fixture
def copy(tiny_bundle: Path, tmp_path: Path) -> Path:
    """A copy that may be spoilt."""
    return Path(shutil.copytree(tiny_bundle, tmp_path / "copy"))


def edit_manifest(bundle: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = bundle / "manifest.json"
    table = json.loads(path.read_text("utf-8"))
    del table["digest"]
    change(table)
    path.write_text(json.dumps(table | {"digest": digest_of(table)}), "utf-8")


def refused(bundle: Path, capsys: pytest.CaptureFixture[str], *parts: str) -> str:
    """Loading is refused in Python and on the command line, with all of ``parts`` in the message."""
    with pytest.raises(BundleError) as caught:
        load_bundle(bundle)
    message = str(caught.value)
    for part in parts:
        assert part in message
    for command in (["info", str(bundle)], ["evaluate", str(bundle), "none.jsonl"]):
        capsys.readouterr()
        assert main(command) == 2
        err = capsys.readouterr().err
        assert message in err
        assert "Traceback" not in err
    return message


def test_the_bundle_loads(tiny_bundle: Path) -> None:
    bundle = load_bundle(tiny_bundle)
    assert bundle.manifest.name == "tiny"
    assert bundle.manifest.format_version == FORMAT_VERSION
    assert bundle.taxonomy.name == "nordic-cx"
    assert bundle.manifest.data["train"] == {"composed": {"da": 10, "en": 8, "no": 10, "sv": 9}}
    assert bundle.manifest.data["dev"] == {"composed": {"en": 1, "sv": 1}}
    assert set(bundle.manifest.parity) == {"no", "da", "sv", "en"}
    assert "composed" in bundle.manifest.scores
    assert bundle.manifest.recipe["training"]["batch_size"] == 8
    assert {path.name for path in tiny_bundle.iterdir()} == {*FILES, "manifest.json", "README.md"}


def test_info_names_labels_size_and_data(tiny_bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", str(tiny_bundle)]) == 0
    out = capsys.readouterr().out
    for part in ("tiny", "nordic-cx", "touchpoints (any_of): advertising", "composed: da 10, en 8, no 10, sv 9", "MB"):
        assert part in out


@pytest.mark.parametrize("name", FILES)
def test_one_changed_byte(copy: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    data = bytearray((copy / name).read_bytes())
    data[len(data) // 2] ^= 1
    (copy / name).write_bytes(data)
    refused(copy, capsys, str(copy / name), "altered", "SHA-256", "expected")


def test_one_changed_threshold(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = copy / "manifest.json"
    table = json.loads(path.read_text("utf-8"))
    table["thresholds"]["phases"]["use"] = 0.123
    path.write_text(json.dumps(table), "utf-8")
    refused(copy, capsys, str(path), "altered", "digest")


@pytest.mark.parametrize(
    ("key", "value", "part"),
    [
        ("scaling", {"mood": {}}, "the scaling of 'mood'"),
        ("scaling", {"sentiment": {"negative": [1.0, 0.0]}}, "the scaling of 'sentiment'"),
        ("scaling", {"phases": {phase: [0.0, 1.0] for phase in PHASES}}, "the scaling of 'phases'"),
        ("scaling", {"phases": {phase: [1.0] for phase in PHASES}}, "the scaling of 'phases'"),
        ("main", {"touchpoints": {}}, "main of 'touchpoints'"),
        ("main", {"phases": {"use": 0.5}}, "main of 'phases'"),
        ("main", {"phases": {phase: "much" for phase in PHASES}}, "main of 'phases'"),
        ("review", {"mood": 0.5}, "the cutoffs for a person's review"),
        ("review", {"sentiment": 1.5}, "the cutoffs for a person's review"),
        ("precise", {"0.9": {"thresholds": {}, "review": {}}}, "thresholds of 'touchpoints'"),
        ("precise", {"0.9": []}, "thresholds of 'touchpoints'"),
    ],
)
def test_cutoffs_and_scaling_that_do_not_fit(
    copy: Path, key: str, value: object, part: str, capsys: pytest.CaptureFixture[str]
) -> None:
    edit_manifest(copy, lambda table: table.update({key: value}))
    refused(copy, capsys, part, "export the bundle anew")


@pytest.mark.parametrize("name", FILES)
def test_a_file_cut_short(copy: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    data = (copy / name).read_bytes()
    (copy / name).write_bytes(data[:-1])
    refused(copy, capsys, str(copy / name), f"{len(data) - 1} bytes, expected {len(data)}")


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file(copy: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    (copy / name).unlink()
    refused(copy, capsys, str(copy / name), "missing")


def test_a_missing_manifest(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (copy / "manifest.json").unlink()
    refused(copy, capsys, str(copy), "not a bundle")
    shutil.rmtree(copy)
    refused(copy, capsys, str(copy), "no such folder")


def test_a_newer_format(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit_manifest(copy, lambda table: table.update(format_version=FORMAT_VERSION + 1))
    refused(copy, capsys, f"format {FORMAT_VERSION + 1}", f"reads format {FORMAT_VERSION}", "update cxnlp")


def test_an_older_format(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit_manifest(copy, lambda table: table.update(format_version=0))
    refused(copy, capsys, "format 0", f"reads format {FORMAT_VERSION}", "export the bundle anew")


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"{", b"[]", b"7", b"null", b"[" * 100_000, b"{}"])
def test_a_garbage_manifest(copy: Path, content: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    (copy / "manifest.json").write_bytes(content)
    refused(copy, capsys, str(copy / "manifest.json"))


@pytest.mark.parametrize("key", ["name", "taxonomy", "thresholds", "max_tokens", "encoder", "files"])
@pytest.mark.parametrize("value", [None, 7.5, []])
def test_a_manifest_with_a_value_of_another_type(
    copy: Path, key: str, value: object, capsys: pytest.CaptureFixture[str]
) -> None:
    edit_manifest(copy, lambda table: table.update({key: value}))
    refused(copy, capsys, str(copy / "manifest.json"))


def test_a_manifest_without_a_key_or_with_another(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit_manifest(copy, lambda table: table.pop("max_tokens"))
    refused(copy, capsys, "max_tokens")
    edit_manifest(copy, lambda table: table.update(max_tokens=32, colour="red"))
    refused(copy, capsys, "colour")


@pytest.mark.parametrize("name", FILES)
def test_a_manifest_that_does_not_list_a_file(copy: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    edit_manifest(copy, lambda table: table["files"].pop(name))
    refused(copy, capsys, "does not list", name)


@pytest.mark.parametrize("name", ["../secret", "/etc/hostname", "sub/file"])
def test_a_manifest_that_points_outside(copy: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    edit_manifest(copy, lambda table: table["files"].update({name: {"bytes": 1, "sha256": "0"}}))
    refused(copy, capsys, repr(name), "a file of the bundle itself")


def test_thresholds_of_other_labels(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit_manifest(copy, lambda table: table["thresholds"]["phases"].pop("use"))
    refused(copy, capsys, "thresholds of 'phases'", "do not match its labels")


def test_thresholds_that_are_no_numbers(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit_manifest(copy, lambda table: table["thresholds"]["phases"].update(use="high"))
    refused(copy, capsys, "thresholds of 'phases'")


def test_a_taxonomy_that_cannot_be_read(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit_manifest(copy, lambda table: table.update(taxonomy="name = 3"))
    refused(copy, capsys, str(copy / "manifest.json"), "name")


def test_an_encoder_of_an_unknown_kind(copy: Path) -> None:
    edit_manifest(copy, lambda table: table["encoder"].update(model_type="no-such-model"))
    with pytest.raises(BundleError, match="no-such-model"):
        Tagger.load(copy, backend="torch", device="cpu")


def test_weights_of_another_shape(copy: Path) -> None:
    from safetensors.torch import load_file, save_file

    path = copy / "weights.safetensors"
    tensors = load_file(path)
    tensors["attention.queries"] = tensors["attention.queries"][:5].contiguous()
    save_file(tensors, path)
    edit_manifest(copy, lambda table: table["files"].update({path.name: vars(file_record(path))}))
    load_bundle(copy)  # all hashes are right
    with pytest.raises(BundleError) as caught:
        Tagger.load(copy, backend="torch", device="cpu")
    for part in (str(path), "attention.queries", "[5, 32]", "[47, 32]", "do not fit"):
        assert part in str(caught.value)


def test_weights_that_are_missing_or_no_safetensors(copy: Path) -> None:
    from safetensors.torch import load_file, save_file

    path = copy / "weights.safetensors"
    tensors = load_file(path)
    del tensors["attention.key.weight_scale"]
    save_file(tensors, path)
    for _ in range(2):
        edit_manifest(copy, lambda table: table["files"].update({path.name: vars(file_record(path))}))
        with pytest.raises(BundleError, match=r"weights\.safetensors"):
            Tagger.load(copy, backend="torch", device="cpu")
        path.write_bytes(b"garbage")


def test_a_graph_that_answers_other_labels(copy: Path) -> None:
    def one_facet_less(table: dict[str, Any]) -> None:
        table["taxonomy"] = table["taxonomy"].split("[facets.phases]")[0]
        del table["thresholds"]["phases"]
        table["scaling"].pop("phases", None)

    edit_manifest(copy, one_facet_less)
    load_bundle(copy)
    with pytest.raises(BundleError, match=r"model\.onnx.* 83 .*taxonomy.* 76"):
        Tagger.load(copy)


def test_a_graph_that_is_none(copy: Path) -> None:
    (copy / "model.onnx").write_bytes(b"garbage")
    edit_manifest(copy, lambda table: table["files"].update({"model.onnx": vars(file_record(copy / "model.onnx"))}))
    with pytest.raises(BackendError, match=r"model\.onnx: ONNX Runtime"):
        Tagger.load(copy)


def test_every_error_is_one_of_ours_when_scoring(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (copy / "model.onnx").unlink()
    reviews = tiny.write_jsonl(copy.parent / "reviews.jsonl", tiny.records())
    assert main(["score", str(reviews), "--model", str(copy), "--output", str(copy.parent / "out.csv")]) == 2
    assert "Traceback" not in capsys.readouterr().err
    assert not (copy.parent / "out.csv").exists()


# Writing


def _fill_from(source: Path) -> Callable[[Path], Manifest]:
    def fill(work: Path) -> Manifest:
        for name in FILES:
            shutil.copy(source / name, work / name)
        return replace(read_manifest(source), name="second")

    return fill


def test_write_and_replace(tiny_bundle: Path, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "bundle"
    assert write_bundle(folder, _fill_from(tiny_bundle)).folder == folder
    (folder / "NOTES.md").write_text("kept", "utf-8")
    assert write_bundle(folder, _fill_from(tiny_bundle)).manifest.name == "second"
    assert load_bundle(folder).manifest.name == "second"
    assert (folder / "NOTES.md").read_text("utf-8") == "kept"
    assert [path.name for path in folder.parent.iterdir()] == ["bundle"]


def test_a_written_bundle_can_be_read_by_others(tiny_bundle: Path) -> None:
    assert [oct(path.stat().st_mode & 0o444) for path in tiny_bundle.iterdir()] == ["0o444"] * 5


@pytest.mark.parametrize("error", [ValueError("broken"), OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_what_fails_leaves_nothing_behind_and_the_older_bundle_as_it_was(
    tiny_bundle: Path, tmp_path: Path, error: BaseException
) -> None:
    def fill(work: Path) -> Manifest:
        _fill_from(tiny_bundle)(work)
        raise error

    expected: tuple[type[BaseException], ...] = (BundleError,) if isinstance(error, OSError) else (type(error),)
    with pytest.raises(expected):
        write_bundle(tmp_path / "bundle", fill)
    assert list(tmp_path.iterdir()) == []
    old = shutil.copytree(tiny_bundle, tmp_path / "bundle")
    before = {path.name: path.read_bytes() for path in old.iterdir()}
    with pytest.raises(expected):
        write_bundle(tmp_path / "bundle", fill)
    assert {path.name: path.read_bytes() for path in old.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


def test_what_could_not_be_loaded_is_not_written(tiny_bundle: Path, tmp_path: Path) -> None:
    def fill(work: Path) -> Manifest:
        return replace(_fill_from(tiny_bundle)(work), thresholds={})

    with pytest.raises(BundleError, match="thresholds"):
        write_bundle(tmp_path / "bundle", fill)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_fill_forgot(tmp_path: Path, tiny_bundle: Path) -> None:
    with pytest.raises(BundleError, match="cannot be written"):
        write_bundle(tmp_path / "bundle", lambda work: read_manifest(tiny_bundle))
    assert list(tmp_path.iterdir()) == []


def test_an_older_bundle_comes_back_where_the_new_one_cannot_be_put(
    tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = shutil.copytree(tiny_bundle, tmp_path / "bundle")
    rename = os.replace

    def fails_once(source: Path, target: Path) -> None:
        if target == old and source.name != ".bundle.cxnlp-old":
            raise OSError(5, "Input/output error")
        rename(source, target)

    monkeypatch.setattr("cxnlp.data.write_folder.os.replace", fails_once)
    with pytest.raises(BundleError, match="Input/output error"):
        write_bundle(old, _fill_from(tiny_bundle))
    assert load_bundle(old).manifest.name == "tiny"
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


def test_a_file_that_may_not_be_read(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("cxnlp.bundle.store.file_record", closed)
    with pytest.raises(BundleError, match=r"tokenizer.json: cannot be read \(Permission denied\)"):
        load_bundle(copy)


def test_a_place_that_is_taken(tmp_path: Path, tiny_bundle: Path) -> None:
    folder, file = tmp_path / "photos", tmp_path / "file"
    folder.mkdir()
    (folder / "photo.jpg").write_bytes(b"x")
    file.write_bytes(b"x")
    for place in (folder, file):
        with pytest.raises(BundleError, match="exists and is not a bundle"):
            write_bundle(place, _fill_from(tiny_bundle))
    assert (folder / "photo.jpg").read_bytes() == b"x"
    with pytest.raises(BundleError, match="cannot be written"):
        write_bundle(file / "bundle", _fill_from(tiny_bundle))


# The graph


def test_the_graph_holds_no_path_of_the_machine(tiny_bundle: Path) -> None:
    data = (tiny_bundle / "model.onnx").read_bytes()
    for path in (
        "site-packages",
        ".py",
        'File "',
        sys.prefix,
        str(Path.home()),
        str(tiny.REPOSITORY),
        str(tiny_bundle),
    ):
        assert path.encode() not in data, path


def test_large_tensors_lie_in_the_weights_file_in_eight_bits(tiny_bundle: Path) -> None:
    import onnx
    from safetensors.torch import load_file

    graph = onnx.load(str(tiny_bundle / "model.onnx"), load_external_data=False).graph
    inside = [t for t in graph.initializer if t.data_location != onnx.TensorProto.EXTERNAL]
    # What stays inside are constants and the transposed weights of the heads; nothing of the size of the vocabulary.
    assert sum(len(t.raw_data) for t in inside) < 4 * (47 * 32 + 3 * 32 * 32 + 3 * 32) + 2_000
    assert not [t.name for t in inside if 121 in t.dims]
    places = {e.value for t in graph.initializer for e in t.external_data if e.key == "location"}
    assert places == {"weights.safetensors"}
    tensors = load_file(tiny_bundle / "weights.safetensors")
    eight_bits = sum(t.numel() for name, t in tensors.items() if name.endswith("weight_int8"))
    assert eight_bits == 121 * 32 + 2 * (4 * 32 * 32 + 2 * 32 * 64) + 32 * 32
    size = (tiny_bundle / "weights.safetensors").stat().st_size
    total = sum(t.numel() * t.element_size() for t in tensors.values())
    assert total <= size <= total + 16_000  # the names of the tensors
    assert (tiny_bundle / "model.onnx").stat().st_size < 60_000


def test_errors_are_ours(tmp_path: Path) -> None:
    assert issubclass(BundleError, CxnlpError)
    with pytest.raises(CxnlpError, match=r"no-such-bundle.*no such folder"):
        Tagger.load(tmp_path / "no-such-bundle")
