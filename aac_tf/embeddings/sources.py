"""Where the weights of a frozen encoder are loaded from."""

import os
import re
from typing import NamedTuple


class Published(NamedTuple):
    """Published weights.

    Attributes:
        variable: str, the environment variable that names a copy.
        name: str, their name on a hub.
        known: regular expression of all sources that stand for them.
        licence: str, theirs, as the Hugging Face hub writes it.
    """

    variable: str
    name: str
    known: str
    licence: str


PUBLISHED = {
    "yamnet": Published(
        "AAC_TF_YAMNET",
        "https://tfhub.dev/google/yamnet/1",
        r"(https://(tfhub\.dev|www\.kaggle\.com/models)/)?google/yamnet(/\w+)*",
        "apache-2.0",
    ),
    "ast": Published(
        "AAC_TF_AST",
        "MIT/ast-finetuned-audioset-10-10-0.4593",
        r"MIT/ast-finetuned-[\w.-]+|random",
        "bsd-3-clause",
    ),
}

# YAMNet's weights by its authors, for when the hub cannot be reached.
YAMNET_WEIGHTS = "https://storage.googleapis.com/audioset/yamnet.h5"


def is_remote(kind, source):
    """Whether loading a source would download weights that are not the published ones.

    Args:
        kind: str, kind of frozen encoder.
        source: path, or a name on a hub; None if none is given.

    Example:
        >>> from aac_tf.embeddings.sources import is_remote
        >>> is_remote("yamnet", "https://example.com/yamnet"), is_remote("yamnet", "google/yamnet/tensorFlow2/yamnet/1")
        (True, False)
    """
    published = PUBLISHED.get(kind)
    chosen = str(source or "") if published is None else choose_source(source, published.variable, published.name)
    if published is not None and (
        re.fullmatch(published.known, chosen) or chosen == os.path.expanduser(os.environ.get(published.variable, ""))
    ):
        return False
    return bool(chosen) and not os.path.exists(chosen)


def used_source(kind, source):
    """What a run remembers of the source of its weights, to find them again; arguments as for `is_remote`.

    Returns:
        str, the absolute path of a file or folder, or one of the names of the published weights; None for any
        other address, as a run from elsewhere must not make its users download from it.

    Example:
        >>> from aac_tf.embeddings.sources import used_source
        >>> used_source("yamnet", "google/yamnet/tensorFlow2/yamnet/1")
        'google/yamnet/tensorFlow2/yamnet/1'
        >>> used_source("ast", "https://example.com/ast")
    """
    published = PUBLISHED[kind]
    chosen = choose_source(source, published.variable, published.name)
    if os.path.exists(chosen):
        return os.path.abspath(chosen)
    return chosen if re.fullmatch(published.known, chosen) else None


def choose_source(source, variable, published):
    """The source to load: the given one if it exists here, otherwise the one that an environment variable names.

    A run's config names the source that it was trained with, which may have another path on another machine.

    Args:
        source: path, or a name on a hub; None if none is given.
        variable: str, the environment variable.
        published: str, name of the published weights, used if there is neither.

    Returns:
        str, with `~` expanded.

    Example:
        >>> from aac_tf.embeddings.sources import choose_source
        >>> choose_source(None, "UNSET_VARIABLE", "owner/model")
        'owner/model'
    """
    named, copy = os.path.expanduser(os.fspath(source or "")), os.environ.get(variable)
    if copy and not (named and os.path.exists(named)):
        return os.path.expanduser(copy)
    return named or published
