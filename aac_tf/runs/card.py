"""What a run was trained on: `card.json` in its folder, and the line that commands say about it."""

import dataclasses

from aac_tf.runs.errors import RunError
from aac_tf.runs.fetch import open_run, public_name
from aac_tf.runs.licences import licence_of
from aac_tf.runs.presets import find_preset, preset_names
from aac_tf.runs.run import Run
from aac_tf.utils.counting import counted

# Kinds of dataset that people do not call by their name in the config.
_NAMES = {"manifest": "a CSV file", "scenes": "composed scenes"}


def make_card(config, dataset, clips, words, initial=None):
    """Describes the training data of a run.

    Args:
        config: `Config`.
        dataset: `Dataset` of the config.
        clips: `ClipList`, the usable training clips.
        words: int, number of words that the run knows.
        initial: `Run` that training starts from, or None.

    Returns:
        dict for JSON: `sources` (kind, folder, weight and style of each dataset), `synthetic` (whether all sounds
        are), `clips`, `hours` (None if unknown), `captions`, `words`, `sounds`, the kinds of sound if the dataset knows
        them, and `initial`, the card of the run that training starts from with its `name` and `licence`, or None.
        Published runs may have `allowed` there, see `allow_licence`.
    """
    events = dataset.events("train")
    kinds = {event.category for scene in (events or {}).values() for event in scene.events}
    return {
        "sources": [dataclasses.asdict(source) for source in config.data.all_sources()],
        "synthetic": _is_synthetic(config),
        "clips": len(clips),
        "hours": None if clips.seconds is None else round(clips.seconds / 3600, 3),
        "captions": sum(len(clip.captions) for clip in clips),
        "words": words,
        "sounds": sorted(kinds),
        "initial": None if initial is None else initial_card(config.training.initial, initial),
    }


def initial_card(reference, run):
    """The card of a run that training starts from.

    Args:
        reference: str, what `training.initial` calls it.
        run: `Run`.

    Returns:
        dict as from `read_card`, with the `name` and the `licence` of the weights; None if they have none.
    """
    return {**read_card(run), **_origin(reference, run)}


def trained_on(run):
    """Says in one line what a run was trained on, and what not to expect of it.

    Args:
        run: as for `open_run`.

    Returns:
        str, such as `trained on 1,000 scenes of synthetic sounds (2.2 h): captions of real recordings are nonsense`.
    """
    return describe_card(read_card(open_run(run)))


def describe_card(card):
    """What `trained_on` says, of a card from `read_card`."""
    kinds = {source["source"] for source in card["sources"]}
    if card["synthetic"]:
        noun, of = "scene", " of synthetic sounds"
    elif kinds == {"scenes"}:
        noun, of = "composed scene", ""
    else:
        noun, of = "clip", f" of {' and '.join(sorted(map(source_name, kinds)))}"
    count = f"{noun}s" if card["clips"] is None else counted(card["clips"], noun)
    hours = f" ({_duration(card['hours'])})" if card.get("hours") else ""
    said = f"trained on {count}{of}{hours}"
    if card.get("initial"):
        return f"{said}, starting from a run that was {describe_card(card['initial'])}"
    if card["synthetic"]:
        return f"{said}: captions of real recordings are nonsense"
    if card.get("sounds"):
        # Of many sounds, the first few in alphabetical order would tell nothing.
        number = len(card["sounds"])
        known = ", ".join(card["sounds"]) if number <= 8 else f"{counted(number, 'kind')} of sound"
        return f"{said}: it knows {known}, and describes others as one of them"
    if card["clips"] is not None and card["clips"] < 500:
        return f"{said}: too few to expect sensible captions of other sounds"
    return said


def source_name(kind):
    """What people call a kind of dataset, `data.source`.

    Example:
        >>> from aac_tf.runs.card import source_name
        >>> source_name("manifest"), source_name("clotho")
        ('a CSV file', 'clotho')
    """
    return _NAMES.get(kind, kind)


def _origin(reference, run):
    return {"name": public_name(reference), "licence": licence_of(run)}


def _duration(hours):
    if hours >= 1:
        return f"{hours:.1f} h"
    return f"{hours * 60:.0f} min" if hours * 60 >= 1 else f"{hours * 3600:.0f} s"


def read_card(run):
    """Reads the card of a run; for runs of earlier versions, what their config and data tell.

    Args:
        run: `Run`.

    Returns:
        dict as from `make_card`, without the folders of the datasets.

    Raises:
        RunError: if the card is damaged.
    """
    if (run.folder / Run.TRAINED_ON).is_file():
        stored = run.read_json(Run.TRAINED_ON)
        try:
            card = _checked(stored)
        except (ValueError, KeyError, TypeError) as error:
            raise RunError(f"{run.shown(Run.TRAINED_ON)} is damaged: {error}") from error
        reference = run.stored_config().training.initial
        if card["initial"] and "licence" not in card["initial"] and reference in preset_names():
            card["initial"] |= _origin(reference, Run(find_preset(reference)))
        return card
    config, data = run.stored_config(), run.data()
    sources = [_without_root(dataclasses.asdict(source)) for source in config.data.all_sources()]
    return {"sources": sources, "synthetic": _is_synthetic(config), "clips": (data.get("train") or {}).get("clips")}


def _checked(card):
    card["clips"] = None if card["clips"] is None else int(card["clips"])
    card["synthetic"] = bool(card["synthetic"])
    card["sources"] = [_without_root(source) for source in card["sources"]]
    card["hours"] = None if card.get("hours") is None else float(card["hours"])
    card["sounds"] = [str(sound) for sound in card.get("sounds") or ()]
    card["initial"] = _checked(card["initial"]) if card.get("initial") else None
    card |= {name: str(card[name]) for name in ("name", "licence", "allowed") if card.get(name) is not None}
    return card


def _without_root(source):
    return {"source": str(source["source"])} | {name: source[name] for name in ("weight", "style") if name in source}


def _is_synthetic(config):
    return config.scenes.bank == "synthetic" and all(part.source == "scenes" for part in config.data.all_sources())
