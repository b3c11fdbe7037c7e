"""Names of the files that a command writes for its input files."""

import pathlib


def distinct_stems(paths):
    """Names without extension for the outputs of files, one each.

    Args:
        paths: list of str; `-` is standard input, whose output is named `stdin`.

    Returns:
        list of str, the stems of the paths; files of the same name are numbered by their position.

    Example:
        >>> from aac_tf.cli.output_names import distinct_stems
        >>> distinct_stems(["a/dog.wav", "b/dog.wav", "rain.flac"])
        ['dog-1', 'dog-2', 'rain']
        >>> distinct_stems(["-", "stdin.wav"])
        ['stdin-1', 'stdin-2']
    """
    stems = ["stdin" if path == "-" else pathlib.Path(path).stem for path in paths]
    names = [f"{stem}-{number}" if stems.count(stem) > 1 else stem for number, stem in enumerate(stems, 1)]
    if len({name.casefold() for name in names}) < len(names):  # such as those of a/x.wav, b/x.wav and x-1.wav
        names = [f"{number}-{stem}" for number, stem in enumerate(stems, 1)]
    return names
