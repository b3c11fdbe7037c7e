"""The Stanford PTB tokenizer, which splits the captions for all metrics of the DCASE challenge."""

from aac_tf.evaluation.errors import MetricError
from aac_tf.evaluation.java.jars import PTB_TOKENIZER
from aac_tf.evaluation.java.process import run_java
from aac_tf.utils.counting import counted


def ptb_tokenize(captions):
    """Splits captions into lower-case words and removes punctuation, as pycocoevalcap does.

    It runs the jar that pycocoevalcap ships. pycocoevalcap's own wrapper is not used because it writes to the folder of
    its package, which may be read-only, and lets Java print to the terminal.

    Args:
        captions: list of str.

    Returns:
        list of str, words separated by single spaces.

    Raises:
        MetricError: if Java fails.

    Example:
        >>> from aac_tf.evaluation.java.ptb import ptb_tokenize
        >>> ptb_tokenize(["A dog barks, twice.", "It's raining!"])
        ['a dog barks twice', "it 's raining"]
    """
    if not captions:
        return []
    # Imported on first use, so that listing the metrics does not wait for pycocoevalcap.
    from pycocoevalcap.tokenizer.ptbtokenizer import PUNCTUATIONS

    # The tokenizer works line by line: a newline in a caption would shift all captions after it.
    text = "\n".join(" ".join(caption.split()) for caption in captions).encode("utf-8", "replace")
    options = ["-preserveLines", "-lowerCase", "-encoding", "UTF-8"]
    main_class = "edu.stanford.nlp.process.PTBTokenizer"
    output = run_java("the PTB tokenizer", [PTB_TOKENIZER], main_class, options, text, heap="1g")
    # The last line ends with a newline unless it is empty.
    lines = output.decode("utf-8", "replace").split("\n")
    if len(lines) not in (len(captions), len(captions) + 1) or any(lines[len(captions) :]):
        raise MetricError(
            f"the PTB tokenizer returned {counted(len(lines), 'line')} for {counted(len(captions), 'caption')}"
        )
    return [" ".join(word for word in line.split() if word not in PUNCTUATIONS) for line in lines[: len(captions)]]
