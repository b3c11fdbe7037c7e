"""Description of an exported model."""

import dataclasses

import tensorflow as tf

import aac_tf
from aac_tf.runs.card import read_card
from aac_tf.runs.licences import weight_licences
from aac_tf.text.styles import NO_STYLE

ABOUT = "model.json"
VOCABULARY = "vocabulary.txt"


def describe_model(captioner, search):
    """Describes a captioner for programs that load its exported model.

    Args:
        captioner: `Captioner`.
        search: `Search` that is exported.

    Returns:
        dict for JSON: `sample_rate` in Hz; `max_words`, `vocabulary_size` and `end_id` of the captions; `beam_size`,
        the number of captions per sound; `constraints` on the captions, a dict; `licences`, a list of `name` and
        `licence` of published weights: the trained ones, those that their training started from, and those of the
        frozen network (None: no licence is stated); and `name`, `search`, `front_end`, `decoder` and `written_by`. A
        model that was trained with styles also has `styles`, their names, and `style`, that of captions for which none
        is given.
    """
    config, tokenizer = captioner.config, captioner.tokenizer
    styles = {"style": config.decoding.style or NO_STYLE, "styles": captioner.styles} if captioner.styles else {}
    return {
        **styles,
        "name": config.name,
        "licences": [
            {"name": name, "licence": licence}
            for name, licence in dict.fromkeys(
                pair for run in captioner.runs for pair in weight_licences(run, read_card(run))
            )
        ],
        "sample_rate": captioner.spec.sample_rate,
        "search": repr(search),
        "constraints": dataclasses.asdict(captioner.constraints),
        "beam_size": search.size,
        "max_words": tokenizer.max_words,
        "vocabulary_size": tokenizer.vocabulary_size(),
        "end_id": tokenizer.end_id,
        "front_end": captioner.spec.name if captioner.model.embedder is None else config.embedding.kind,
        "decoder": config.decoder.kind,
        "written_by": f"aac_tf {aac_tf.__version__}, TensorFlow {tf.__version__}",
    }
