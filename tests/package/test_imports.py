"""The imports between packages, as docs/architecture.md draws them."""

import ast
import pathlib
import re

import pytest

import aac_tf

PACKAGE = pathlib.Path(aac_tf.__file__).parent
ARCHITECTURE = PACKAGE.parent / "docs" / "architecture.md"
SHARED = {"utils", "errors"}


def read_floors(diagram):
    """`{package: floor}` of the diagram in docs/architecture.md, whose lines go from the roof to the ground."""
    floors, floor = {}, 0
    for line in diagram.splitlines():
        if re.match(r"(roof|floor \d|ground) ", line):
            floor -= 1
        floors.update(
            (name, floor) for name in re.findall(r"(?<![\w/])(\w+)(?:/(?= )|\.py\b|/,)", line[10:].split("(")[0])
        )
    return floors


def imported_packages(path):
    """The packages that a file imports, at its top or in functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names = [f"aac_tf.{alias.name}" for alias in node.names] if node.module == "aac_tf" else [node.module or ""]
        yield from (name.split(".")[1] for name in names if name.startswith("aac_tf."))


def violations(floors, package):
    """Imports of a package that is not on a lower floor, as (file, package)."""
    for path in sorted(package.rglob("*.py")):
        own = path.relative_to(package).with_suffix("").parts[0]
        if own not in ("__init__", "__main__"):
            allowed = SHARED | {own} | {name for name, floor in floors.items() if floor < floors[own]}
            yield from (
                (str(path.relative_to(package)), other) for other in imported_packages(path) if other not in allowed
            )


@pytest.fixture(scope="module")
def floors():
    (diagram,) = re.findall(r"```text\n(.*?)```", ARCHITECTURE.read_text(encoding="utf-8"), re.DOTALL)
    return read_floors(diagram)


def test_the_diagram_has_every_package(floors):
    packages = {path.parent.name for path in PACKAGE.glob("*/__init__.py")} | {"build", "build_dataset", "errors"}
    assert packages <= floors.keys()


def test_packages_import_only_lower_floors(floors):
    assert [one for one in violations(floors, PACKAGE) if one != ("build.py", "build_dataset")] == []


def test_an_import_of_an_upper_floor_is_found(tmp_path):
    (tmp_path / "audio").mkdir()
    (tmp_path / "audio" / "a.py").write_text("def f():\n    from aac_tf.models.encoder import Encoder\n")
    (tmp_path / "audio" / "b.py").write_text("import aac_tf.errors\nfrom aac_tf.audio.a import f\n")
    floors = read_floors(
        "roof      cli/     x\nground    audio/   x\n          models/  x\n          utils/, errors.py\n"
    )
    assert floors == {"cli": -1, "audio": -2, "models": -2, "utils": -2, "errors": -2}
    assert list(violations(floors, tmp_path)) == [("audio/a.py", "models")]
