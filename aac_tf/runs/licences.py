"""Which licences apply to the weights of a run."""

import re

import yaml

from aac_tf.embeddings.sources import PUBLISHED
from aac_tf.runs.errors import RunError

# Conditions of Creative Commons that what is made from a work has to keep; all licences ask for attribution.
_CONDITIONS = {
    "nc": "excludes commercial use",
    "sa": "asks for the same licence",
    "nd": "excludes derived works",
}
_PERMISSIVE = re.compile(r"(apache|mit|bsd|cc0|isc|unlicense|zlib|pddl|odc-by|cdla-permissive|cc-by-\d)\b.*|cc|cc-by")


def licence_of(run):
    """The licence that the model card of a published run names.

    Args:
        run: `Run`.

    Returns:
        str; None if there is none.

    Example:
        >>> from aac_tf.runs.fetch import open_run
        >>> from aac_tf.runs.licences import licence_of
        >>> licence_of(open_run("everyday-free"))
        'cc-by-4.0'
    """
    path = run.folder / run.CARD
    try:
        _, header, _ = path.read_text(encoding="utf-8").split("---\n", 2)
        header = yaml.safe_load(header)
        # The hub names only common licences.
        licence = header["license"] if header["license"] != "other" else header["license_name"]
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError):
        return None
    return licence if isinstance(licence, str) else None


def initial_licences(card):
    """Licences that apply to trained weights because training started from others.

    Args:
        card: dict from `read_card`.

    Returns:
        list of (name, licence) of the published runs that training started from, the latest first, without those whose
        owner allows another licence (see `allow_licence`). The licence is None if a run states none.

    Example:
        >>> from aac_tf.runs.licences import initial_licences
        >>> initial_licences({"initial": {"name": "everyday", "licence": "cc-by-nc-4.0", "initial": None}})
        [('everyday', 'cc-by-nc-4.0')]
    """
    return [(name, licence) for name, licence, allowed in _initial(card) if allowed is None]


def frozen_licences(config):
    """The licence of the frozen network of a config.

    Args:
        config: `Config`.

    Returns:
        list of one pair (name, licence), whose licence is None for other weights than the published ones; [] without a
        frozen network.

    Example:
        >>> from aac_tf.config import load_config
        >>> from aac_tf.runs.licences import frozen_licences
        >>> frozen_licences(load_config("everyday"))
        [('yamnet', 'apache-2.0')]
    """
    published = PUBLISHED.get(config.embedding.kind)
    if published is None:
        return []
    source = config.embedding.source
    known = source is None or (source != "random" and re.fullmatch(published.known, source))
    return [(config.embedding.kind, published.licence if known else None)]


def weight_licences(run, card):
    """Licences of the weights of a run.

    Args:
        run: `Run`.
        card: dict from `read_card`.

    Returns:
        list of (name, licence): of the run itself, if it was published with one; of `initial_licences`; and of
        `frozen_licences`.

    Example:
        >>> from aac_tf.runs.card import read_card
        >>> from aac_tf.runs.fetch import open_run
        >>> from aac_tf.runs.licences import weight_licences
        >>> run = open_run("everyday")
        >>> weight_licences(run, read_card(run))
        [('everyday', 'cc-by-nc-4.0'), ('yamnet', 'apache-2.0')]
    """
    config, own = run.stored_config(), licence_of(run)
    return [*([] if own is None else [(config.name, own)]), *initial_licences(card), *frozen_licences(config)]


def describe_initial_licences(card):
    """Says which licences the weights had that training started from.

    Args:
        card: dict from `read_card`.

    Returns:
        list of str, a line for each published run.

    Example:
        >>> from aac_tf.runs.licences import describe_initial_licences
        >>> describe_initial_licences({"initial": {"name": "everyday", "licence": "cc-by-nc-4.0"}})
        ['training started from the weights of everyday: their licence, cc-by-nc-4.0, applies to these weights, too']
    """
    return [_describe(*initial) for initial in _initial(card)]


def check_licence(licence, card):
    """Checks that a licence for trained weights keeps the conditions of those that their training started from.

    Args:
        licence: str, as the hub writes it; `other` names none, so that it contradicts none.
        card: dict from `read_card`.

    Raises:
        RunError: if it lacks a condition: non-commercial use, the same licence or no derived works of Creative
            Commons; of licences that are neither of Creative Commons nor permissive, it has to be the same one.

    Example:
        >>> from aac_tf.runs.licences import check_licence
        >>> check_licence("mit", {"initial": {"name": "everyday", "licence": "cc-by-nc-4.0", "initial": None}})
        Traceback (most recent call last):
        ...
        aac_tf.runs.errors.RunError: training started from the weights of everyday: their licence, cc-by-nc-4.0, ...
    """
    if licence == "other":
        return
    for name, initial in initial_licences(card):
        lacking = _conditions(initial) - _conditions(licence)
        if lacking:
            what = " and ".join(_CONDITIONS.get(condition, _CONDITIONS["sa"]) for condition in sorted(lacking))
            raise RunError(
                f"{_describe(name, initial)}. It {what}, unlike {licence}: give --licence {initial}, or "
                "--relicense if the owner of those weights allows you another licence"
            )


def allow_licence(licence, card):
    """Notes in a card that the owners of the initial weights allow a licence that lacks conditions of theirs.

    Args:
        licence: str, as for `check_licence`.
        card: dict from `read_card`.

    Returns:
        dict as `card`, in which the runs with such conditions have `allowed`, the licence.

    Raises:
        RunError: if the licence is `other`, as nobody could know what is allowed.

    Example:
        >>> from aac_tf.runs.licences import allow_licence, describe_initial_licences
        >>> card = allow_licence("mit", {"initial": {"name": "everyday", "licence": "cc-by-nc-4.0"}})
        >>> describe_initial_licences(card)
        ['training started from the weights of everyday, whose owner allows mit instead of their licence, cc-by-nc-4.0']
    """
    if licence == "other":
        raise RunError(
            "--relicense needs the licence that the owner of the initial weights allows: give --licence NAME"
        )
    if not card.get("initial"):
        return card
    initial = allow_licence(licence, card["initial"])
    if initial.get("allowed") is None and _conditions(initial.get("licence")) - _conditions(licence):
        initial = {**initial, "allowed": licence}
    return {**card, "initial": initial}


def _initial(card):
    """Yields (name, licence, what its owner allows instead) of the published runs that training started from."""
    while card := card.get("initial"):
        if card.get("name") or card.get("licence"):
            yield card.get("name") or "a published run", card.get("licence"), card.get("allowed")


def _describe(name, licence, allowed=None):
    weights = f"training started from the weights of {name}"
    if licence is None:
        return f"{weights}, which states no licence"
    if allowed is not None:
        return f"{weights}, whose owner allows {allowed} instead of their licence, {licence}"
    return f"{weights}: their licence, {licence}, applies to these weights, too"


def _conditions(licence):
    """Names of the conditions of a licence; that of a licence that is not known is to be the same one."""
    licence = (licence or "").strip().lower().replace("_", "-").replace(" ", "-")
    if not licence or _PERMISSIVE.fullmatch(licence):
        return set()
    if licence.startswith("cc-"):
        return _CONDITIONS.keys() & set(licence.split("-"))
    return {licence}
