"""The presets of the package."""

from aac_tf.runs import Run, presets

MAX_BYTES = 12 << 20


def test_presets_are_small_and_complete():
    folders = [path for path in presets.FOLDER.glob("*") if path.is_dir()]
    for folder in folders:
        run = Run(folder)
        names = {path.name for path in folder.iterdir()}
        assert names <= set(Run.PUBLISHED)
        assert {run.CONFIG, run.VOCABULARY, run.WEIGHTS, run.CARD, run.SCORES} <= names
        assert sum(path.stat().st_size for path in folder.iterdir()) <= MAX_BYTES
        assert run.tokenizer(run.config()).vocabulary_size() > 3
