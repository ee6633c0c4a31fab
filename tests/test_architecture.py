"""The house holds: imports go one way, heavy packages stay in their rooms, files stay small."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import cxnlp

PACKAGE = Path(cxnlp.__file__).parent
# Each room imports only from rooms to its left. ``cxnlp/__init__.py`` stands over them all and offers their best.
ROOMS = (
    "errors", "version", "taxonomy", "settings", "text", "data", "bundle", "model", "inference", "evaluation",
    "reports", "journey", "loop", "training", "benchmark", "integrations", "cli",
)  # fmt: skip
HEAVY = {
    "torch", "transformers", "datasets", "onnx", "onnxscript", "accelerate", "wordfreq", "pyarrow", "ijson",
    "python_calamine", "spacy", "ray", "pyspark", "xlsxwriter", "sklearn", "jinja2", "optuna",
    "fastapi", "starlette", "uvicorn", "pydantic", "prometheus_client",
    "pandas", "polars",
}  # fmt: skip
HEAVY_ROOMS = {"model", "training"}
# Packages that even there only these files may import.
OWN_FILES = {
    "optuna": {"training/pruner.py", "training/tune.py", "training/tuned.py"},
    "sklearn": {
        "evaluation/tfidf.py", "loop/vectors.py", "inference/label_forms.py", "integrations/sklearn.py",
    },
}  # fmt: skip
# The service is imported by nothing but its own command, when that runs.
SERVICE_FILES = {
    "app": {"fastapi", "starlette", "pydantic"},
    "desk": {"starlette"},
    "metrics": {"prometheus_client"},
    "outer": {"starlette"},
    "reading": {"pydantic", "starlette"},
    "refusal": {"pydantic", "starlette"},
    "server": {"fastapi", "uvicorn"},
}
# Their classes are made of the package's own: whoever imports them wants it.
MADE_OF = {"integrations/sklearn.py": "sklearn", "integrations/spacy.py": "spacy"}
# Outside the rooms of training: file to what it may import.
HEAVY_FILES = {
    "data/norec.py": {"datasets"},
    "data/write_parquet.py": {"pyarrow"},  # each when a result of its kind is opened
    "data/write_xlsx.py": {"xlsxwriter"},
    "journey/workbook.py": {"xlsxwriter"},
    # Readers of one kind of file each.
    "data/json_table.py": {"ijson"},
    "data/parquet_table.py": {"pyarrow"},
    "data/workbook.py": {"python_calamine"},
    "text/sentences.py": {"spacy"},
    "inference/load.py": {"torch", "transformers"},  # asks for them where the torch back end is wanted
    "inference/torch_backend.py": {"torch", "transformers"},
    "inference/device.py": {"torch"},
    "inference/blocks.py": {"pyarrow"},
    "inference/frame_kinds.py": {"pandas", "polars"},
    "inference/label_forms.py": {"sklearn"},
    "integrations/datasets.py": {"datasets"},
    "integrations/ray.py": {"ray", "pyarrow"},
    "integrations/sklearn.py": {"sklearn"},
    "integrations/spacy.py": {"spacy"},
    "integrations/spark.py": {"pyspark", "pyarrow"},
    **{f"integrations/service/{name}.py": packages for name, packages in SERVICE_FILES.items()},
    "integrations/huggingface.py": {"torch", "transformers"},
    "inference/graph.py": {"torch", "transformers", "onnx", "onnxscript"},
    # Parts of an evaluation that only some ask for.
    "evaluation/tfidf.py": {"sklearn"},
    "reports/page.py": {"jinja2"},
    "loop/sheet_write.py": {"xlsxwriter"},
    "loop/vectors.py": {"sklearn"},
    # These ask for the packages that a command needs before it begins.
    "cli/encoder.py": {"transformers", "wordfreq"},
    "cli/train.py": {"transformers", "accelerate", "onnxscript"},
}
# The one import that may close a circle, and only when called: ``Tagger.load()`` is made of what is built on Tagger.
CALLED_BACK = ("cxnlp.inference.tagger", "cxnlp.inference.load")
MAX_LINES = 350


@dataclass(frozen=True)
class Import:
    file: str
    line: int
    module: str
    """Full name, such as ``cxnlp.text.clean``."""
    at_import: bool
    """Whether it runs when the file is imported: not inside a function, and not for the type checker alone."""
    checker_only: bool

    def __str__(self) -> str:
        return f"{self.file}:{self.line} imports {self.module}"


def files() -> dict[str, ast.Module]:
    return {p.relative_to(PACKAGE).as_posix(): ast.parse(p.read_text("utf-8")) for p in sorted(PACKAGE.rglob("*.py"))}


def module_name(file: str) -> str:
    parts = ["cxnlp", *file.removesuffix(".py").split("/")]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(file: str, tree: ast.AST, inside: bool = False, checker: bool = False) -> Iterator[Import]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(file, node.lineno, alias.name, not (inside or checker), checker)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}:{node.lineno}: write imports in full"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                module = full if full in MODULES else str(node.module)
                yield Import(file, node.lineno, module, not (inside or checker), checker)
        elif isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            for child in node.body:
                yield from imports(file, ast.Module([child], []), inside, True)
            for child in node.orelse:
                yield from imports(file, ast.Module([child], []), inside, checker)
        else:
            deeper = inside or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from imports(file, node, deeper, checker)


TREES = files()
MODULES = {module_name(file) for file in TREES}
IMPORTS = [found for file, tree in TREES.items() for found in imports(file, tree)]


def room_of(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def test_the_reader_of_imports_sees_what_it_should() -> None:
    code = (
        "import torch\nif TYPE_CHECKING:\n    import onnx\nelse:\n    import wordfreq\n"
        "def f():\n    from cxnlp.text import clean\n    from cxnlp import errors\nclass A:\n    import datasets\n"
    )
    found = [(i.line, i.module, i.at_import, i.checker_only) for i in imports("x.py", ast.parse(code))]
    assert found == [
        (1, "torch", True, False),
        (3, "onnx", False, True),
        (5, "wordfreq", True, False),
        (7, "cxnlp.text.clean", False, False),
        (8, "cxnlp.errors", False, False),
        (10, "datasets", True, False),
    ]


def test_every_file_is_in_a_known_room() -> None:
    assert {room_of(module) for module in MODULES} <= {"", *ROOMS}
    assert {room_of(module_name(file)) for file in TREES} >= set(ROOMS)


def test_rooms_import_only_leftwards() -> None:
    wrong = []
    for found in IMPORTS:
        room = room_of(module_name(found.file))
        if found.module.split(".")[0] != "cxnlp" or not room:
            continue
        target = room_of(found.module)
        # ``cxnlp`` itself stands to the right of all rooms.
        if not target or ROOMS.index(target) > ROOMS.index(room):
            wrong.append(str(found))
    assert wrong == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph: dict[str, set[str]] = {module: set() for module in MODULES}
    for found in IMPORTS:
        source = module_name(found.file)
        # A room's door (``__init__``) gathers its files; they do not go out through their own door.
        called_back = (source, found.module) == CALLED_BACK and not found.at_import
        if found.module in MODULES and found.module != source and not called_back:
            graph[source].add(found.module)
    assert cycle(graph) == []


def cycle(graph: dict[str, set[str]]) -> list[str]:
    done: set[str] = set()

    def walk(module: str, path: list[str]) -> list[str]:
        if module in path:
            return [*path[path.index(module) :], module]
        if module in done:
            return []
        for target in sorted(graph[module]):
            if circle := walk(target, [*path, module]):
                return circle
        done.add(module)
        return []

    return next((circle for module in sorted(graph) if (circle := walk(module, []))), [])


def test_a_circle_is_found() -> None:
    assert cycle({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()}) == ["b", "c", "b"]
    assert cycle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_heavy_packages_stay_in_their_rooms() -> None:
    wrong = []
    for found in IMPORTS:
        package = found.module.split(".")[0]
        if package not in HEAVY or found.checker_only or room_of(module_name(found.file)) in HEAVY_ROOMS:
            continue
        if package not in HEAVY_FILES.get(found.file, set()):
            wrong.append(str(found))
    assert wrong == []


def test_optuna_and_scikit_learn_are_imported_where_they_are_used() -> None:
    found = {(i.module.split(".")[0], i.file) for i in IMPORTS if i.module.split(".")[0] in OWN_FILES}
    assert found == {(package, file) for package, files in OWN_FILES.items() for file in files}
    at_import = {i.file for i in IMPORTS if i.module.split(".")[0] == "sklearn" and i.at_import}
    assert at_import == {file for file, package in MADE_OF.items() if package == "sklearn"}


def test_datasets_is_imported_only_when_asked_for() -> None:
    found = [i for i in IMPORTS if i.module.split(".")[0] == "datasets"]
    files = {"data/norec.py", "integrations/datasets.py"}
    assert {(i.file, i.at_import) for i in found if not i.checker_only} == {(file, False) for file in files}


def test_report_packages_are_imported_only_when_asked_for() -> None:
    packages = {"sklearn", "jinja2"}
    found = [i for i in IMPORTS if i.module.split(".")[0] in packages and i.at_import]
    assert [str(i) for i in found if i.file not in MADE_OF] == []


def test_readers_of_one_kind_of_file_are_imported_when_there_is_one() -> None:
    readers = {"pyarrow", "ijson", "python_calamine"}
    assert [str(i) for i in IMPORTS if i.module.split(".")[0] in readers and i.at_import] == []


def test_integrations_know_nothing_of_each_other() -> None:
    wrong = [
        str(found)
        for found in IMPORTS
        if found.file.startswith("integrations/")
        and found.module.startswith("cxnlp.integrations")
        and found.module.split(".")[:3] != module_name(found.file).split(".")[:3]
    ]
    assert wrong == []


def test_the_service_is_imported_only_by_its_command() -> None:
    service = "cxnlp.integrations.service"
    found = [i for i in IMPORTS if i.module.startswith(service) and not i.file.startswith("integrations/service/")]
    assert {(i.file, i.at_import) for i in found} == {("cli/serve.py", False)}


def test_only_classes_made_of_a_package_import_it_at_once() -> None:
    found = [i for i in IMPORTS if i.module.split(".")[0] in {"spacy", "pandas", "polars"} and i.at_import]
    assert {(i.file, i.module.split(".")[0]) for i in found} == {("integrations/spacy.py", "spacy")}


def test_clusters_are_imported_only_when_asked_for() -> None:
    found = [i for i in IMPORTS if i.module.split(".")[0] in {"ray", "pyspark", "pyarrow"} and i.at_import]
    assert [str(i) for i in found] == []


def test_no_file_is_too_long() -> None:
    lengths = {file: len((PACKAGE / file).read_text("utf-8").splitlines()) for file in TREES}
    assert {file: n for file, n in lengths.items() if n > MAX_LINES} == {}


def test_no_function_tunnels_arguments() -> None:
    # ``**_`` and ``**__`` throw away what a caller of ours, such as the Trainer, passes on to its callbacks.
    wrong = [
        f"{file}:{node.lineno}"
        for file, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        and node.args.kwarg
        and node.args.kwarg.arg.strip("_")
    ]
    assert wrong == []


def test_nothing_in_the_package_speaks_of_pickle() -> None:
    texts = [p for p in PACKAGE.rglob("*") if p.suffix in {".py", ".toml", ".md", ".json"}]
    assert [str(p) for p in texts if "pickle" in p.read_text("utf-8").lower()] == []


@pytest.mark.parametrize(
    "code",
    [
        "import cxnlp",
        "from cxnlp import Tagger",
        "from cxnlp.cli.main import build_parser; build_parser()",
    ],
)
def test_scoring_is_imported_without_the_heavy_packages(code: str) -> None:
    script = f"{code}\nimport sys\nprint(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.split())
    assert "cxnlp" in loaded
    assert loaded & (HEAVY | {"safetensors", "py3langid", "phonenumbers", "stdnum"}) == set()
