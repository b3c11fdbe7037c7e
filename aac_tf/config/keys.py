"""Declarations of config keys: default, meaning, valid values, and until when the value can change."""

import dataclasses
import itertools
import math

from aac_tf.config.errors import ConfigError

# When the value of a key is settled.
AT_START = "at start"  # the start of training; a trained run keeps the value
NEVER = "never"  # a trained run accepts other values


def key(
    default,
    about,
    choices=None,
    at_least=None,
    above=None,
    at_most=None,
    below=None,
    increasing=False,
    settled=None,
    resumable=False,
):
    """Declares a key of a config section as a dataclass field.

    Args:
        default: default value; lists and dicts are copied for each config.
        about: str, description that `aac-train --keys` prints.
        choices: tuple of the valid values; None accepts any value of the type.
        at_least: inclusive lower bound.
        above: exclusive lower bound.
        at_most: inclusive upper bound.
        below: exclusive upper bound.
        increasing: bool, whether the value is a list of numbers in increasing order.
        settled: `AT_START` or `NEVER`; None inherits the value of the section.
        resumable: bool, whether `--resume` accepts another value.

    Returns:
        `dataclasses.field`.
    """
    limits = {"at_least": at_least, "above": above, "at_most": at_most, "below": below}
    metadata = {
        "about": about,
        "choices": choices,
        "limits": {name: limit for name, limit in limits.items() if limit is not None},
        "increasing": increasing,
        "settled": settled,
        "resumable": resumable,
    }
    if isinstance(default, (list, dict)):
        return dataclasses.field(default_factory=lambda: type(default)(default), metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def section(cls, settled=AT_START):
    """Declares a section of the config, a dataclass of keys; `settled` is the default for its keys."""
    return dataclasses.field(default_factory=cls, metadata={"settled": settled})


@dataclasses.dataclass
class OneOf:
    """A section whose keys depend on its `kind`.

    Each kind is a subclass, registered in the table that is passed to `one_of`. Its fields are the keys of that kind;
    the key `kind` is declared here.
    """

    kind: str = ""


def one_of(kinds, default, about, settled=AT_START):
    """Declares a section that is one of several kinds.

    Args:
        kinds: dict of kind name to subclass of `OneOf`.
        default: str, name of the default kind.
        about: str, description of the key `kind`.
        settled: see `section`.

    Returns:
        `dataclasses.field`.
    """
    metadata = {"kinds": kinds, "default": default, "about": about, "settled": settled}
    return dataclasses.field(default_factory=lambda: kinds[default](kind=default), metadata=metadata)


_BOUND_NAMES = {"at_least": "at least", "above": "above", "at_most": "at most", "below": "below"}
_BOUND_CHECKS = {
    "at_least": lambda value, limit: value >= limit,
    "above": lambda value, limit: value > limit,
    "at_most": lambda value, limit: value <= limit,
    "below": lambda value, limit: value < limit,
}


def describe_range(info):
    """Describes the valid values of a key: `a | b` or `at least 0 and below 1`; empty if all of its type are valid."""
    if info.get("choices"):
        return " | ".join(map(str, info["choices"]))
    limits = info.get("limits", {}).items()
    limits = [f"{_BOUND_NAMES[name]} {limit if isinstance(limit, int) else f'{limit:g}'}" for name, limit in limits]
    return " and ".join(limits + (["in increasing order"] if info.get("increasing") else []))


def check_value(name, value, info):
    """Checks a value against the declaration of its key.

    Args:
        name: str, the key.
        value: the value.
        info: metadata of the key's field.

    Raises:
        ConfigError: if the value is not among the choices, not finite, out of range or not in increasing order.
    """
    if info.get("choices"):
        if value not in info["choices"]:
            raise ConfigError(f"{name} takes {describe_range(info)}, got `{value}`")
        return
    numbers = value if isinstance(value, list) else list(value.values()) if isinstance(value, dict) else [value]
    for number in numbers:
        if isinstance(number, bool) or not isinstance(number, (int, float)):
            continue
        if not math.isfinite(number):
            raise ConfigError(f"{name} must be finite, got {number}")
        if not all(_BOUND_CHECKS[kind](number, limit) for kind, limit in info.get("limits", {}).items()):
            raise ConfigError(f"{name} must be {describe_range({'limits': info['limits']})}, got {number}")
    if info.get("increasing") and any(later <= earlier for earlier, later in itertools.pairwise(value)):
        raise ConfigError(f"{name} must be in increasing order, got {value}")
