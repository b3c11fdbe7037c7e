"""The Stanford PTB tokenizer, which all caption metrics split words with."""

import pathlib

from pycocoevalcap.tokenizer import ptbtokenizer

from aac_tf.evaluation.java.process import MetricError, run_java


def ptb_tokenize(captions):
    """Splits captions into lower-case words as pycocoevalcap does, punctuation removed.

    It runs the jar that pycocoevalcap ships. pycocoevalcap's own wrapper writes into its package's folder, which may be
    read-only, and lets Java print to the terminal.

    Args:
        captions: list of str.

    Returns:
        list of str, words separated by single spaces.

    Raises:
        MetricError: if Java fails.
    """
    if not captions:
        return []
    # The tokenizer works line by line: a newline within a caption would shift all captions after it.
    text = "\n".join(" ".join(caption.split()) for caption in captions).encode("utf-8", "replace")
    jar = pathlib.Path(ptbtokenizer.__file__).with_name(ptbtokenizer.STANFORD_CORENLP_3_4_1_JAR)
    options = ["-preserveLines", "-lowerCase", "-encoding", "UTF-8"]
    said = run_java("the PTB tokenizer", [jar], "edu.stanford.nlp.process.PTBTokenizer", options, text, heap="1g")
    # The last line ends with a newline unless it is empty.
    lines = said.decode("utf-8", "replace").split("\n")
    if len(lines) not in (len(captions), len(captions) + 1) or any(lines[len(captions) :]):
        raise MetricError(f"the PTB tokenizer gave {len(lines)} lines for {len(captions)} captions")
    return [
        " ".join(word for word in line.split() if word not in ptbtokenizer.PUNCTUATIONS)
        for line in lines[: len(captions)]
    ]
