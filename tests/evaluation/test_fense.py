"""SBERT-sim, FER, FENSE and SPIDEr-FL, with small networks whose results PyTorch has computed."""

import hashlib
import json
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
from web import serve

from aac_tf.cli import download, evaluate
from aac_tf.evaluation import METRICS, SETS, MetricError, Score, missing_metrics, score_captions
from aac_tf.evaluation.sentence.weights import EMBEDDER, PUBLISHED, VOCABULARY, convert, fetch_weights, find_weights

FIXTURES = pathlib.Path(__file__).parent / "fixtures" / "fense"
EXPECTED = json.loads((FIXTURES / "expected.json").read_text())
BASE = "echecker_clotho_audiocaps_base"
PREDICTIONS, REFERENCES = {"x": "a dog barks twice"}, {"x": ["a dog is barking"]}


@pytest.fixture
def published(monkeypatch, tmp_path):
    """The small networks, on a web server in place of the published ones on theirs."""
    monkeypatch.delenv("AAC_TF_FENSE", raising=False)
    monkeypatch.setenv("AAC_TF_CACHE", str(tmp_path / "cache"))
    with serve() as web:
        for name, file in PUBLISHED.items():
            content = (FIXTURES / file.files[0]).read_bytes()
            path = f"/{file.address.rsplit('/', 1)[1]}"
            web.files[path] = content
            changed = file._replace(address=web.address + path, sha256=hashlib.sha256(content).hexdigest())
            monkeypatch.setitem(PUBLISHED, name, changed)
        yield web


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A copy of the folder that $AAC_TF_FENSE names, to damage."""
    shutil.copytree(FIXTURES, tmp_path / "fense", copy_function=shutil.copyfile)
    monkeypatch.setenv("AAC_TF_FENSE", str(tmp_path / "fense"))
    monkeypatch.setenv("AAC_TF_CACHE", str(tmp_path / "cache"))
    return tmp_path / "fense"


def network(kind, name):
    """A network that the metrics have loaded, or will use."""
    from aac_tf.evaluation.sentence import networks

    return networks.load_network(getattr(networks, kind), name, find_weights(name), find_weights(VOCABULARY))


def score(name):
    """The `Score` of the captions as they are, as FENSE's own program takes them."""
    required = {part: {part: score(part)} for part in METRICS[name].requires}
    return METRICS[name].score(EXPECTED["predictions"], EXPECTED["references"], **required)[name]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("sbert_sim", "sbert_sim"),
        ("fer", "fer_base"),
        ("fense", "fense_base"),
        ("fer_tiny", "fer_tiny"),
        ("fense_tiny", "fense_tiny"),
    ],
)
def test_scores_are_those_of_pytorch(name, expected, fense_weights):
    found = score(name)
    np.testing.assert_allclose(found.per_item, EXPECTED[expected], atol=2e-6)
    assert found.corpus == pytest.approx(np.mean(EXPECTED[expected]), abs=2e-6)


@pytest.mark.parametrize("size", ["base", "tiny"])
def test_probabilities_are_those_of_pytorch(size, fense_weights):
    found = network("ErrorDetector", f"echecker_clotho_audiocaps_{size}")(EXPECTED["predictions"])
    np.testing.assert_allclose(found, EXPECTED[f"probability_{size}"], atol=2e-6)


def test_spider_fl_penalizes_captions_with_errors():
    required = {"spider": {"spider": Score.mean([0.4, 0.2])}, "fer": {"fer": Score.mean([0.0, 1.0])}}
    found = METRICS["spider_fl"].score(["a", "b"], [["c"], ["d"]], **required)["spider_fl"]
    np.testing.assert_allclose(found.per_item, [0.4, 0.02])
    assert found.corpus == pytest.approx(0.21)


def test_each_caption_is_computed_once_and_alone_as_among_others(fense_weights, monkeypatch):
    embedder, batches = network("SentenceEmbedder", EMBEDDER), []
    embedder._remembered.clear()
    run = embedder._run
    monkeypatch.setattr(embedder, "_run", lambda ids, mask: batches.append(int(mask[:, 1].sum())) or run(ids, mask))
    captions = [f"a dog barks {'and barks ' * (k % 5)}{k}" for k in range(70)]
    found = embedder([*captions, *captions[::-1]])
    assert sum(batches) == 70
    assert len(batches) < 10
    embedder(captions[:3])
    assert sum(batches) == 70
    np.testing.assert_array_equal(found[:70], found[70:][::-1])
    embedder._remembered.clear()
    np.testing.assert_array_equal(embedder(captions[7:8]), found[7:8])


def test_fetched_weights_score_as_those_in_a_folder(published, monkeypatch, tmp_path):
    assert "aac-download fense" in missing_metrics()["fense"]
    with pytest.raises(MetricError, match=r"aac-download fense.*AAC_TF_FENSE"):
        score_captions(PREDICTIONS, REFERENCES, ["fense"])
    cache = fetch_weights()
    assert "fense" not in missing_metrics()
    assert len(list(cache.iterdir())) == len(PUBLISHED)
    assert not list((tmp_path / "cache" / "downloads").iterdir())
    count = len(published.requests)
    fetch_weights(published.address)
    assert len(published.requests) == count
    fetched = [find_weights(name) for name in PUBLISHED]
    monkeypatch.setenv("AAC_TF_FENSE", str(FIXTURES))
    assert [find_weights(name) for name in PUBLISHED][:3] == fetched[:3]
    assert find_weights(VOCABULARY).read_bytes() == fetched[3].read_bytes()


def test_sets_are_computed_as_far_as_possible(published, no_spice, monkeypatch, tmp_path, capsys):
    for chosen in SETS.values():
        assert set(chosen.metrics) <= METRICS.keys()
        assert chosen.ranks_by in chosen.metrics
    (tmp_path / "mine.csv").write_text("file_name,caption_predicted\na.wav,A dog barks.\nb.wav,Rain\n")
    (tmp_path / "references.csv").write_text("file_name,caption_1\na.wav,a dog is barking\nb.wav,it rains\n")
    arguments = [
        "--predictions",
        str(tmp_path / "mine.csv"),
        "--references",
        str(tmp_path / "references.csv"),
        "--json",
    ]
    for metric in ("meteor", "bleu", "rouge_l", "cider"):  # fast
        monkeypatch.setattr(METRICS[metric], "score", lambda captions, _, name=metric: {name: Score.mean([0.5, 0.5])})
    assert evaluate.main([*arguments, "--metrics", "fense"]) == 1
    assert "aac-download fense" in capsys.readouterr().err
    assert evaluate.main([*arguments, "--metrics", "dcase2023"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found["corpus"]) == {"meteor", "cider"}
    assert set(found["not_computed"]) == {"spice", "spider", "fer", "spider_fl"}
    assert download.main(["fense", "--mirror", published.address]) == 0
    capsys.readouterr()
    assert evaluate.main([*arguments, "--metrics", "dcase2024"]) == 0
    captured = capsys.readouterr()
    found = json.loads(captured.out)
    assert set(found["corpus"]) == {"meteor", "cider", "fer", "sbert_sim", "fense", "vocabulary"}
    assert "spice, spider and spider_fl were not computed: `aac-download corenlp`" in captured.err


def test_a_mirror_may_not_have_other_files(published):
    published.files["/vocab.txt"] += b"?"
    with pytest.raises(MetricError, match=r"vocab\.txt.*hash.*AAC_TF_FENSE"):
        fetch_weights(published.address)
    assert "fense" in missing_metrics()


def test_weights_that_were_not_published_are_named(folder, caplog):
    find_weights(BASE)
    find_weights(BASE)
    assert caplog.text.count(f"{BASE}.ckpt is not the published file") == 1


def test_a_folder_without_the_files_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("AAC_TF_FENSE", str(tmp_path))
    with pytest.raises(MetricError, match=r"there is no echecker_clotho_audiocaps_base\.ckpt in .*aac-download fense"):
        score_captions(PREDICTIONS, REFERENCES, ["fer"])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (BASE, b"no", "not a PyTorch checkpoint.*download it again"),
        (BASE, (FIXTURES / "types.ckpt").read_bytes(), "expected the weights of a BERT"),
        (EMBEDDER, b"no", "cannot read .*download it again"),
        (VOCABULARY, b"[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n", "has 6 words, the network 1"),
        (VOCABULARY, b"a\n", "cannot load"),
    ],
)
def test_other_files_are_refused(folder, name, content, message):
    (folder / PUBLISHED[name].files[0]).write_bytes(content)
    with pytest.raises(MetricError, match=message):
        METRICS["sbert_sim" if name == EMBEDDER else "fer"].score(["a dog"], [["rain"]])


def test_weights_of_another_network_are_refused(folder):
    path = find_weights(BASE)
    tensors = load_file(path)
    save_file({k: v for k, v in tensors.items() if not k.startswith("clf")}, path, metadata={"heads": "1"})
    with pytest.raises(MetricError, match="no error detector"):
        METRICS["fer"].score(["a dog"], [["rain"]])
    del tensors["encoder.layer.1.attention.output.dense.bias"]
    save_file(tensors, path, metadata={"heads": "1"})
    with pytest.raises(MetricError, match=r"layer\.1\.attention\.output\.dense\.bias is missing.*aac-download fense"):
        METRICS["fer"].score(["a dog"], [["rain"]])


@pytest.mark.parametrize(("width", "heads"), [(768, "12"), (128, "2"), (24, "1")])
def test_heads_are_those_of_the_published_networks(tmp_path, width, heads):
    weight = np.zeros([3, width], "float32")
    save_file({"bert.embeddings.word_embeddings.weight": weight}, tmp_path / "model.safetensors")
    convert(tmp_path / "model.safetensors", tmp_path / "converted")
    with safe_open(tmp_path / "converted", framework="numpy") as file:
        assert file.metadata()["heads"] == heads
    (tmp_path / "config.json").write_text('{"num_attention_heads": 3}')
    convert(tmp_path / "model.safetensors", tmp_path / "converted")
    with safe_open(tmp_path / "converted", framework="numpy") as file:
        assert file.metadata()["heads"] == "3"


def test_other_metrics_do_not_import_transformers():
    program = (
        "import sys; from aac_tf.evaluation import score_captions\n"
        "score_captions({'x': 'a'}, {'x': ['a']}, ['rouge_l'])\n"
        "assert not {'transformers', 'tensorflow', 'torch'} & sys.modules.keys()"
    )
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
