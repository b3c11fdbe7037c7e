"""Facts about the package that several files state must agree."""

import ast
import configparser
import importlib.metadata
import pathlib
import re
import sys

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

import aac_tf

ROOT = pathlib.Path(__file__).parents[2]
DOCUMENTS = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "export/README.md"]


@pytest.fixture(scope="module")
def setup():
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    return parser


def test_workflow_runs_on_every_supported_python(setup):
    classifiers = re.findall(r"Python :: (\d\.\d+)", setup["metadata"]["classifiers"])
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())
    assert workflow["jobs"]["checks"]["strategy"]["matrix"]["python"] == classifiers


def test_every_supported_python_gets_one_set_of_libraries(setup):
    supported = re.findall(r"Python :: (\d\.\d+)", setup["metadata"]["classifiers"])
    required = SpecifierSet(setup["options"]["python_requires"])
    assert [f"3.{minor}" for minor in range(30) if required.contains(f"3.{minor}")] == supported
    lines = [line for line in setup["options"]["install_requires"].splitlines() if line.strip() and line[0] != "#"]
    for python in supported:
        chosen = [Requirement(line) for line in lines]
        chosen = [one for one in chosen if one.marker is None or one.marker.evaluate({"python_version": python})]
        names = [one.name for one in chosen]
        assert len(names) == len(set(names))
        releases = {str(one.specifier) for one in chosen if one.name in ("tensorflow", "tensorflow-serving-api")}
        assert len(releases) == 1
        # TensorFlow 2.15 requires TensorBoard itself.
        assert ("tensorboard" in names) == (releases == {"==2.21.*"})
        assert ("tensorflow-io" in names) == (releases == {"==2.15.*"})
    assert all(f"python{python}" in (ROOT / "Makefile").read_text() for python in supported)


def test_every_library_that_is_imported_is_required(setup):
    """One that comes with another library is lost with its next release, as TensorBoard with TensorFlow 2.21."""
    trees = [ast.parse(path.read_text()) for path in (ROOT / "aac_tf").rglob("*.py")]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    modules = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    modules |= {node.module for node in nodes if isinstance(node, ast.ImportFrom) and not node.level}
    modules = {module.partition(".")[0] for module in modules} - sys.stdlib_module_names - {"aac_tf"}
    sections = [setup["options"]["install_requires"], *setup["options.extras_require"].values()]
    lines = [line for section in sections for line in section.splitlines() if line and line[0] not in "#%"]
    required = {_normal(Requirement(line).name) for line in lines}
    providers = importlib.metadata.packages_distributions()
    missing = {module for module in modules if required.isdisjoint(map(_normal, providers.get(module, [module])))}
    assert not missing


def _normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def test_pre_commit_runs_the_ruff_of_the_dev_extra(setup):
    (required,) = re.findall(r"^ruff\S*", setup["options.extras_require"]["dev"], flags=re.MULTILINE)
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    assert {tuple(hook["additional_dependencies"]) for hook in hooks if "ruff" in hook["id"]} == {(required,)}


def test_citation_and_changelog_name_the_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == aac_tf.__version__
    assert f"## [{aac_tf.__version__}]" in (ROOT / "CHANGELOG.md").read_text()


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_between_files_lead_somewhere(name):
    path = ROOT / name
    links = re.findall(r"\]\(([^)#\s]+)", path.read_text())
    broken = [link for link in links if "://" not in link and not (path.parent / link).exists()]
    assert not broken
