"""What an exported model says about itself."""

import tensorflow as tf

import aac_tf

ABOUT = "model.json"
VOCABULARY = "vocabulary.txt"


def describe_model(captioner, search):
    """Describes a captioner for the programs that load its exported model.

    Args:
        captioner: `Captioner`.
        search: the `Search` that was exported.

    Returns:
        dict of what JSON takes: `sample_rate` in Hz, `max_words`, `end_id` and `vocabulary_size` of its captions,
        `beam_size` (captions per sound), and which model it is.
    """
    config, tokenizer = captioner.config, captioner.tokenizer
    return {
        "name": config.name,
        "sample_rate": captioner.spec.sample_rate,
        "search": repr(search),
        "beam_size": search.size,
        "max_words": tokenizer.max_words,
        "vocabulary_size": tokenizer.vocabulary_size(),
        "end_id": tokenizer.end_id,
        "front_end": captioner.spec.name if captioner.model.embedder is None else config.embedding.kind,
        "decoder": config.decoder.kind,
        "written_by": f"aac_tf {aac_tf.__version__}, TensorFlow {tf.__version__}",
    }
