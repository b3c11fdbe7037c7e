"""Command-line flags that several commands share."""

import argparse
import json
import os
import re

from aac_tf.config.keys import check_value
from aac_tf.config.schema.decoding import MAX_HYPOTHESES


def check_number(flag, value, **limits):
    """Checks the number that a flag was given.

    Args:
        flag: str, name of the flag.
        value: int or float; None, for a flag that was not given, is valid.
        limits: `at_least`, `above`, `at_most`, `below`, as for keys of the config.

    Raises:
        ConfigError: if it is not finite, or out of range.

    Example:
        >>> from aac_tf.cli.flags import check_number
        >>> check_number("--port", 70000, at_least=1, at_most=65535)
        Traceback (most recent call last):
        ...
        aac_tf.config.errors.ConfigError: --port must be at least 1 and at most 65535, got 70000
    """
    check_value(flag, value, {"limits": limits})


def add_config_flag(parser, **options):
    """Adds `--config`; `options` are passed on to `add_argument`."""
    parser.add_argument("--config", help="config file, or name of a packaged config, such as demo", **options)


class _SeveralRuns(argparse.Action):
    """Keeps all values of a repeated `--run` in `runs`, and the first one in `run`."""

    def __call__(self, parser, namespace, value, option_string=None):
        namespace.runs = [*getattr(namespace, "runs", ()), value]
        namespace.run = namespace.runs[0]


def add_run_flag(parser, required=True, default=None, several=False):
    """Adds `--run`, the trained run that a command uses.

    Args:
        parser: `argparse.ArgumentParser`.
        required: bool, whether the command cannot do without.
        default: str, the preset that is used without the flag.
        several: bool, whether the flag may be repeated for an ensemble; see `given_runs`.
    """
    about = "trained run: its folder, the name of a preset, hf://USER/REPO[@REVISION], or the https://... of an archive"
    if default is not None:
        about += f" (default: the preset {default})"
    options = {}
    if several:
        about += "; if repeated, the runs choose each word together"
        options["action"] = _SeveralRuns
    parser.add_argument("--run", required=required and default is None, default=default, help=about, **options)


def given_runs(options):
    """The values of `--run`: a list, or None if it was not given and has no default."""
    return getattr(options, "runs", None) or (None if options.run is None else [options.run])


def are_several_runs(options):
    """Whether captions come from several runs: `--run` was repeated, or there is `--rerank`."""
    return len(given_runs(options)) > 1 or options.rerank is not None


def add_overrides(parser, example, trained=True):
    """Adds positional `key=value` arguments, which override values of the config.

    Args:
        parser: `argparse.ArgumentParser`.
        example: str, an override that is useful with this command.
        trained: bool, whether the config is that of a trained run, most of whose keys cannot be changed any more.
    """
    which = "config keys that can be changed after training" if trained else "config keys"
    parser.add_argument("overrides", nargs="*", metavar="key=value", help=f"override {which}, such as {example}")


def add_search_flags(parser, rerank=True):
    """Adds `--beam`, `--search` and `--rerank`, which choose and rank captions, and the flags of style and constraints.

    Args:
        parser: `argparse.ArgumentParser`.
        rerank: bool, whether to add `--rerank`.
    """
    add_style_flag(parser)
    add_constraint_flags(parser)
    if rerank:
        about = "second trained run, which helps to rank the captions found"
        parser.add_argument("--rerank", metavar="RUN", help=about)
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--beam", type=int, metavar="N", help="beam size; 1 is greedy search (default: the run's)")
    group.add_argument(
        "--search",
        metavar="KIND[,KEY=VALUE...]",
        help="greedy, beam, diverse_beam or sample, and its decoding.* keys, such as "
        "sample,temperature=0.7,top_p=0.9,seed=1 "
        "(default: the run's)",
    )


def add_style_flag(parser):
    """Adds `--style`, which chooses the style of captions."""
    parser.add_argument(
        "--style",
        metavar="NAME",
        help="style of the captions, for a model that was trained with several, such as clotho; none: no style in "
        "particular (default: the run's)",
    )


def add_constraint_flags(parser):
    """Adds the flags that restrict the words and the length of captions."""
    parser.add_argument("--min-words", type=int, metavar="N", help="minimum number of words of a caption")
    parser.add_argument("--max-words", type=int, metavar="N", help="maximum number of words of a caption")
    parser.add_argument("--forbid", metavar="WORD,...", help="words that captions never contain")
    parser.add_argument(
        "--no-repeat", action="store_true", help="no word twice in a caption, except function words such as `and`"
    )
    parser.add_argument("--no-repeat-ngram", type=int, metavar="N", help="no sequence of N words twice in a caption")


def constraint_overrides(options):
    """Translates the flags of `add_constraint_flags` into config overrides.

    Args:
        options: `argparse.Namespace`; flags that the command does not have may be missing.

    Returns:
        list of `decoding.key=value`, empty without the flags.

    Example:
        >>> import argparse
        >>> from aac_tf.cli.flags import constraint_overrides
        >>> constraint_overrides(argparse.Namespace(min_words=4, forbid="music,no"))
        ['decoding.min_words=4', 'decoding.forbidden_words=["music", "no"]']
    """
    found = {name: getattr(options, name, None) for name in ("min_words", "max_words", "no_repeat_ngram")}
    if getattr(options, "forbid", None) is not None:
        words = [word.strip() for word in options.forbid.split(",")]
        found["forbidden_words"] = json.dumps([word for word in words if word])
    if getattr(options, "no_repeat", False):
        found["repeat_words"] = "function"
    return [f"decoding.{name}={value}" for name, value in found.items() if value is not None]


def style_overrides(options):
    """Translates `--style` into config overrides; `options` is an `argparse.Namespace` with `style`."""
    # Quoted, as YAML reads `on` and `1.0` as other things than words.
    return [] if options.style is None else [f"decoding.style={json.dumps(options.style)}"]


def search_overrides(options):
    """Translates `--search`, `--style` and the flags of `add_constraint_flags` into config overrides.

    Args:
        options: `argparse.Namespace` with `search` and `style`.

    Returns:
        list of `decoding.key=value`, empty without the flags.

    Raises:
        ConfigError: if `--beam` is out of range.

    Example:
        >>> import argparse
        >>> from aac_tf.cli.flags import search_overrides
        >>> search_overrides(argparse.Namespace(search="sample,top_p=0.9", style=None))
        ['decoding.kind=sample', 'decoding.top_p=0.9']
    """
    check_number("--beam", getattr(options, "beam", None), at_least=1, at_most=MAX_HYPOTHESES)
    others = [*constraint_overrides(options), *style_overrides(options)]
    if options.search is None:
        return others
    kind, *keys = re.split(r",(?![^\[]*\])", options.search)  # not at the commas in lists
    return [f"decoding.kind={kind}", *(f"decoding.{key}" for key in keys), *others]


def take_overrides(files):
    """Takes config overrides out of the files of a command, as both are given without a flag.

    Args:
        files: list of str; the overrides are removed from it.

    Returns:
        list of str `section.key=value`. An existing file of such a name stays a file.

    Example:
        >>> from aac_tf.cli.flags import take_overrides
        >>> files = ["dog.wav", "embedding.source=yamnet.h5", "a=b.wav"]
        >>> take_overrides(files), files
        (['embedding.source=yamnet.h5'], ['dog.wav', 'a=b.wav'])
    """
    overrides = [name for name in files if re.match(r"[a-z]+\.[a-z_]+=", name) and not os.path.exists(name)]
    files[:] = [name for name in files if name not in overrides]
    return overrides


def add_json_flag(parser, what):
    """Adds `--json`; `what` is its help text."""
    parser.add_argument("--json", action="store_true", help=what)
