"""The notebook runs from its first to its last cell."""

import json
import os
import pathlib
import re
import subprocess
import sys

import pytest

NOTEBOOK = pathlib.Path(__file__).parents[2] / "examples" / "quickstart.ipynb"
CELLS = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]


def program():
    """The code cells as a script: `!` lines run commands, and the player of sounds is left out."""
    lines = "".join("".join(cell["source"]) + "\n\n" for cell in CELLS if cell["cell_type"] == "code")
    lines = lines.replace("\\\n", " ").splitlines()
    script = ["import subprocess, sys"]
    for line in lines:
        if line.startswith("!"):
            words = line[1:].split()
            assert words[0] == "python"
            script.append(f"subprocess.run([sys.executable, *{words[1:]!r}], check=True)")
        elif not re.match(r"from IPython|Audio\(", line):
            script.append(line)
    return "\n".join(script)


def test_its_outputs_name_no_folder_of_a_machine():
    outputs = [text for cell in CELLS for output in cell.get("outputs", ()) for text in output.get("text", ())]
    assert not re.search(r"/(home|root|tmp|Users|usr|work)\b", "".join(outputs))
    assert [output for cell in CELLS for output in cell.get("outputs", ()) if output["output_type"] == "error"] == []


@pytest.mark.slow
@pytest.mark.real_data
def test_it_teaches_words_for_new_sounds(real_data, tmp_path):
    weights = str(real_data / "yamnet" / "yamnet_bn_folded.npz")
    environment = {**os.environ, "AAC_TF_YAMNET": weights}
    result = subprocess.run(
        [sys.executable, "-c", program()], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr[-3000:]
    after = re.findall(r"^  -> (.+)$", result.stdout, re.MULTILINE)
    assert len(after) == 3
    for caption, word in zip(after, ("timer", "ambulance", "kettle")):
        assert word in caption
