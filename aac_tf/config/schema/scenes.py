"""The section `scenes`: the composed corpus."""

from dataclasses import dataclass
from typing import Any, Optional

from aac_tf.config.keys import key


@dataclass
class ScenesConfig:
    """The composed corpus of `data.source=scenes`, which is composed in `data.root` unless it is already there."""

    bank: Any = key(
        "synthetic",
        "`synthetic`, or a folder of labelled clips with a CSV of file_name,category; several folders as a list, or "
        "separated by commas; LICENCE=FOLDER names the licence of a folder whose CSV has none",
    )
    licences: Any = key(
        None,
        "licences that the clips of the bank may have, as a list or separated by commas: free (CC0, CC BY, MIT, public "
        "domain), CC BY-SA, ...; a clip with several needs all of them to be allowed; null: all clips",
    )
    train: Optional[int] = key(1000, "number of training scenes; null, with scripts: enough for all", at_least=1)
    validation: Optional[int] = key(60, "number of validation scenes, or null", at_least=1)
    test: Optional[int] = key(100, "number of test scenes, or null", at_least=1)
    sample_rate: int = key(16000, "sample rate of the scenes, Hz", at_least=8000, at_most=192000)
    min_seconds: float = key(4.0, "minimum length of a scene, seconds", at_least=2)
    max_seconds: float = key(12.0, "maximum length of a scene, seconds", at_least=2)
    max_events: int = key(3, "maximum number of events in a scene without a script", at_least=1, at_most=3)
    seed: int = key(0, "the same seed and keys give the same corpus", at_least=0)
    scripts: Any = key(
        None,
        "file of human captions to compose scenes from, or several, as for bank; STYLE=FILE gives its captions a "
        "style; templates: captions are written for the sounds of the bank, or beside files for those that the "
        "files hardly name; null: scenes at random, with simpler captions",
    )
    renderings: int = key(1, "with scripts: number of scenes for each script", at_least=1, at_most=1000)
    max_alike: Optional[int] = key(
        None, "with scripts: maximum number of scripts of a split with the same sounds and style; null: all", at_least=1
    )
    min_scenes: Optional[int] = key(
        None,
        "with scripts: number of training scenes that each sound should be in; scripts of rare sounds are rendered "
        "more often, up to 20 times, and come first if scenes.train is fewer; null: all equally often",
        at_least=1,
    )
    effects: bool = key(
        True,
        "with scripts: rooms, distance and recorders change the sounds, as in real recordings; false: a plain mix of "
        "them, with noise and levels",
    )
