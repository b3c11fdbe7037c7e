"""What is said about vocabulary, memory and time."""

import pytest

from aac_tf.build import build_model
from aac_tf.config import load_config
from aac_tf.training.forecast import Pace, available_memory, describe_memory, describe_vocabulary, estimate_memory


def test_a_poor_vocabulary_is_a_warning_that_says_what_to_change():
    captions = [f"a dog barks at thing{number}" for number in range(10)] + ["a bell rings"] * 2
    few, warning = describe_vocabulary(captions, {"a"}, 11)
    assert few == "vocabulary: 1 of 16 words, 21 % of the text (min_count=11)"
    assert "set vocabulary.min_count=1" in warning
    assert len(describe_vocabulary(["a dog"] * 20 + ["rain"], {"a", "dog"}, 10)) == 1


def memory(overrides, rows, captions, words, frames, vocabulary=500):
    model = build_model(load_config(None, overrides), vocabulary)
    return estimate_memory(model, rows, captions, words, frames) / 1e9


# Peak resident memory of one training step, measured on TensorFlow 2.15, including the 1 GB of the libraries.
@pytest.mark.parametrize(
    ("overrides", "batch", "measured"),
    [
        (["decoder.kind=fixed_vector"], (32, 1, 20, 400), 1.56),
        ([], (32, 1, 20, 400), 1.52),
        ([], (32, 5, 20, 400), 1.99),
        (["encoder.subsampling=4"], (32, 5, 20, 400), 1.50),
        (["encoder.kind=linear", "decoder.kind=transformer"], (32, 5, 20, 62), 2.46),
        # 15 to 30 s of log-mels, and half a batch at a time.
        (["decoder.kind=fixed_vector", "audio.spec=DCASE2020"], (32, 1, 21, 2998), 3.42),
        (["vocabulary.max_words=20"], (16, 1, 21, 2998), 2.50),
        (["encoder.cell=gru", "encoder.layers=3", "encoder.units=128"], (32, 1, 20, 800), 1.50),
    ],
)
def test_memory_is_estimated_to_a_quarter(overrides, batch, measured):
    assert memory(overrides, *batch) == pytest.approx(measured, rel=0.25)


def test_what_does_not_fit_is_a_warning_that_says_what_to_change():
    fits, warns = describe_memory(4e9, 7e9, 32), describe_memory(13e9, 7e9, 32)
    assert len(fits) == 1
    assert "training.microbatch=14, encoder.subsampling=4" in warns[1]
    assert describe_memory(4e9, None, 32) == ["memory: about 4.0 GB for the longest clips"]
    assert available_memory() is None or available_memory() > 1e8


def test_the_time_is_said_once(monkeypatch):
    said, now = [], [0.0]
    monkeypatch.setattr("aac_tf.training.forecast.time.monotonic", lambda: now[0])
    pace = Pace(steps=100, epochs=30, show=said.append, seconds=6)
    for batch in range(20):
        now[0] += 60.0 if batch == 0 else 2.0  # the first step compiles the model
        pace.on_train_batch_end(batch)
    pace.on_epoch_end(0)
    short = Pace(steps=2, epochs=30, show=said.append)
    for batch in range(2):
        now[0] += 3.0
        short.on_train_batch_end(batch)
    now[0] += 100.0  # validation
    short.on_epoch_end(0)
    only = Pace(steps=2, epochs=1, show=said.append)
    for batch in range(2):
        now[0] += 3.0
        only.on_train_batch_end(batch)
    only.on_epoch_end(0)
    assert said.pop() == "time: about 6 s per epoch, without validation; training.epochs=... sets their number"
    assert said.pop().startswith("time: about 6 s per epoch and 3 min for 30")
    assert said == [
        "time: about 3 min per epoch and 1.7 h for 30, without validation; training.epochs=... sets their number"
    ]
