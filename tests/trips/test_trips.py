"""The patches of the guide "Extend it": each adds a part in at most three files, and the part works everywhere."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import textwrap

import pytest

ROOT = pathlib.Path(__file__).parents[2]
PATCHES = ROOT / "docs" / "guides" / "trips"
# What proves each new part: the shared test of its contract, and the config or command that a user would type.
PROOFS = {
    "frozen_encoder": """
        from contracts.frozen_encoder import check_frozen_encoder
        from aac_tf.embeddings.mel_means import MelMeans
        check_frozen_encoder(MelMeans(), others=[MelMeans(pool=2)])
        captions(["embedding.kind=mel_means", "embedding.pool=8"])
    """,
    "dataset": """
        import json
        import pathlib
        from contracts.dataset import check_dataset
        pathlib.Path("mine/audio").mkdir(parents=True)
        rows = [{"file": f"{k}.wav", "captions": [f"sound {k}"]} for k in range(4)]
        pathlib.Path("mine/train.jsonl").write_text("\\n".join(map(json.dumps, rows)))
        for row in rows:
            pathlib.Path("mine/audio", row["file"]).touch()
        config = load_config(None, ["data.source=json_lines", "data.root=mine", "data.validation_fraction=0.25"])
        check_dataset(build_dataset(config), ["train", "validation"])
    """,
    "metric": """
        from contracts.metric import check_metric
        from aac_tf.evaluation import METRICS, score_captions
        check_metric(METRICS["variety"])
        corpus, _ = score_captions({"x": "a dog and a dog"}, {"x": ["a dog"]}, ["variety"])
        assert corpus == {"variety": 0.75}
    """,
    "decoder": """
        from contracts.decoder import check_decoder
        from aac_tf.models.self_attention_decoder import SelfAttentionDecoder
        check_decoder(SelfAttentionDecoder(11, units=8), encoded_width=6, expected_num_trainable_weights=15)
        captions(["decoder.kind=self_attention", "decoder.units=12"])
    """,
    "search": """
        from contracts.search import check_search
        from aac_tf.decoding.no_repeat import NoRepeat
        check_search(NoRepeat())
        for caption in captions(["decoding.kind=no_repeat", "decoding.window=9"]):
            assert len(set(caption.text.split())) == len(caption.text.split())
    """,
    "spec": """
        from contracts.spec import check_spec
        from aac_tf.audio.specs import PANNS
        check_spec(PANNS)
        captions(["audio.spec=PANNS"])
    """,
}
SETUP = """
import numpy as np
import tensorflow as tf
from aac_tf import Captioner
from aac_tf.build import build_dataset, build_frozen_encoder, build_model
from aac_tf.config import load_config
from aac_tf.text import WordTokenizer

def captions(overrides):
    config = load_config(None, ["encoder.units=8", *overrides])
    tokenizer = WordTokenizer.from_captions(["a dog barks", "rain falls on a roof", "birds sing"], min_count=1)
    model = build_model(config, tokenizer.vocabulary_size(), embedder=build_frozen_encoder(config))
    captioner = Captioner(model, tokenizer, config)
    noise = np.random.default_rng(0).normal(0, 0.1, 2 * captioner.spec.sample_rate).astype(np.float32)
    found = captioner.caption([noise, noise[: len(noise) // 2]])
    assert all(caption.words and abs(caption.words[0].weights.sum() - 1) < 1e-5 for caption in found)
    return found
"""


@pytest.fixture(params=PROOFS)
def part(request):
    return request.param


def test_it_touches_at_most_three_files_and_adds_no_branch(part):
    patch = (PATCHES / f"{part}.patch").read_text()
    assert len(re.findall(r"^diff ", patch, re.MULTILINE)) <= 3
    # In the files that exist already, a kind is an entry of a table.
    for change in re.split(r"^diff .*\n", patch, flags=re.MULTILINE)[1:]:
        if "--- /dev/null" not in change:
            assert not re.search(r"^\+.*\b(if|elif|match|case)\b", change, re.MULTILINE)


@pytest.mark.slow
def test_it_works(part, tmp_path):
    shutil.copytree(ROOT / "aac_tf", tmp_path / "aac_tf", ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run(["git", "apply", PATCHES / f"{part}.patch"], cwd=tmp_path, check=True)
    program = SETUP + textwrap.dedent(PROOFS[part])
    paths = os.pathsep.join([str(tmp_path), str(ROOT / "tests")])
    environment = {**os.environ, "PYTHONPATH": paths, "GIT_CEILING_DIRECTORIES": str(tmp_path.parent)}
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=environment, check=True)
