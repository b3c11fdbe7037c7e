"""What a run was trained on: `card.json` in its folder, and the line that commands say about it."""

import dataclasses
import json

from aac_tf.runs.errors import RunError
from aac_tf.runs.run import Run


def make_card(config, dataset, clips, words):
    """Describes the training data of a run.

    Args:
        config: `Config`.
        dataset: `Dataset` of the config.
        clips: `ClipList`, the usable training clips.
        words: int, number of words that the run knows.

    Returns:
        dict for JSON: `sources` (kind, folder, weight and style of each dataset), `synthetic` (whether all sounds
        are), `clips`, `hours` (None if unknown), `captions`, `words`, and `sounds`, the kinds of sound if the dataset
        knows them.
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
    }


def trained_on(run):
    """Says in one line what a run was trained on, and what not to expect of it.

    Args:
        run: `Run`, or path of its folder.

    Returns:
        str, such as `trained on 1,000 scenes of synthetic sounds (2.2 h): captions of real recordings are nonsense`.
    """
    run = run if isinstance(run, Run) else Run(run)
    card = read_card(run)
    scenes = {source["source"] for source in card["sources"]} == {"scenes"}
    what = "scenes of synthetic sounds" if card["synthetic"] else "composed scenes" if scenes else "clips"
    names = "" if scenes else f" of {' and '.join(sorted({source['source'] for source in card['sources']}))}"
    hours = f" ({card['hours']:.1f} h)" if card.get("hours") else ""
    count = "" if card["clips"] is None else f"{card['clips']:,} "
    said = f"trained on {count}{what}{names}{hours}"
    if card["synthetic"]:
        return f"{said}: captions of real recordings are nonsense"
    if card.get("sounds"):
        # Of many sounds, the first few in alphabetical order would tell nothing.
        known = ", ".join(card["sounds"]) if len(card["sounds"]) <= 8 else f"{len(card['sounds'])} kinds of sound"
        return f"{said}: it knows {known}, and describes others as one of them"
    if card["clips"] is not None and card["clips"] < 500:
        return f"{said}: too few to expect sensible captions of other sounds"
    return said


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
        try:
            card = json.loads((run.folder / Run.TRAINED_ON).read_text(encoding="utf-8"))
            card["clips"] = None if card["clips"] is None else int(card["clips"])
            card["synthetic"] = bool(card["synthetic"])
            card["sources"] = [_without_root(source) for source in card["sources"]]
            card["hours"] = None if card.get("hours") is None else float(card["hours"])
            card["sounds"] = [str(sound) for sound in card.get("sounds") or ()]
            return card
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise RunError(f"{run.folder / Run.TRAINED_ON} is damaged: {error}") from error
    config, data = run.stored_config(), run.data()
    sources = [_without_root(dataclasses.asdict(source)) for source in config.data.all_sources()]
    return {"sources": sources, "synthetic": _is_synthetic(config), "clips": (data.get("train") or {}).get("clips")}


def _without_root(source):
    return {"source": str(source["source"])} | {name: source[name] for name in ("weight", "style") if name in source}


def _is_synthetic(config):
    return config.scenes.bank == "synthetic" and all(part.source == "scenes" for part in config.data.all_sources())
