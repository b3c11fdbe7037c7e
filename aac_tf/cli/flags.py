"""Command-line flags that several commands share."""

import json
import os
import re


def add_config_flag(parser, **options):
    """Adds `--config`; `options` are passed on to `add_argument`."""
    parser.add_argument("--config", help="config file, or name of a packaged config, such as demo", **options)


def add_run_flag(parser, required=True, default=None):
    """Adds `--run`, the trained run that a command uses.

    Args:
        parser: `argparse.ArgumentParser`.
        required: bool, whether the command cannot do without.
        default: str, the preset that is used without the flag.
    """
    about = "trained run: its folder, the name of a preset, hf://USER/REPO[@REVISION], or https://... of an archive"
    if default is not None:
        about += f" (default: the preset {default})"
    parser.add_argument("--run", required=required and default is None, default=default, help=about)


def add_overrides(parser, example, trained=True):
    """Adds positional `key=value` arguments, which override values of the config.

    Args:
        parser: `argparse.ArgumentParser`.
        example: str, an override that is useful with this command.
        trained: bool, whether the config is that of a trained run, most of whose keys cannot change any more.
    """
    which = "config keys that a trained run can still change" if trained else "config keys"
    parser.add_argument("overrides", nargs="*", metavar="key=value", help=f"override {which}, such as {example}")


def add_search_flags(parser):
    """Adds `--beam` and `--search`, which choose the search for captions, and `--style`, which chooses their style."""
    add_style_flag(parser)
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--beam", type=int, metavar="N", help="beam size; 1 is greedy search (default: the run's)")
    group.add_argument(
        "--search",
        metavar="KIND[,KEY=VALUE...]",
        help="greedy, beam or sample, and its decoding.* keys, such as sample,temperature=0.7,top_p=0.9,seed=1 "
        "(default: the run's)",
    )


def add_style_flag(parser):
    """Adds `--style`, which chooses the style of captions."""
    parser.add_argument(
        "--style",
        metavar="NAME",
        help="way of speaking, of a model that was trained with several, such as clotho; none: no style in particular "
        "(default: the run's)",
    )


def style_overrides(options):
    """Translates `--style` into config overrides; `options` is an `argparse.Namespace` with `style`."""
    # Quoted, as YAML reads `on` and `1.0` as other things than words.
    return [] if options.style is None else [f"decoding.style={json.dumps(options.style)}"]


def search_overrides(options):
    """Translates `--search` and `--style` into config overrides.

    Args:
        options: `argparse.Namespace` with `search` and `style`.

    Returns:
        list of `decoding.key=value`, empty without the flags.

    Example:
        >>> import argparse
        >>> from aac_tf.cli.flags import search_overrides
        >>> search_overrides(argparse.Namespace(search="sample,top_p=0.9", style=None))
        ['decoding.kind=sample', 'decoding.top_p=0.9']
    """
    if options.search is None:
        return style_overrides(options)
    kind, *keys = options.search.split(",")
    return [f"decoding.kind={kind}", *(f"decoding.{key}" for key in keys), *style_overrides(options)]


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
