"""Checks of the config that a run folder holds, and of what a user overrides in it."""

from aac_tf.config import ConfigError, flatten
from aac_tf.config.keys import NEVER
from aac_tf.config.loading import walk
from aac_tf.embeddings.sources import is_remote
from aac_tf.runs.errors import RunError


def check_settled(config, stored):
    """Raises `ConfigError` if a config changes a key that is settled when training starts.

    Args:
        config: `Config` with the user's overrides.
        stored: `Config` that the run was started with.
    """
    before = flatten(stored)
    for name, value, info in walk(config):
        if info["settled"] != NEVER and before.get(name, value) != value:
            raise ConfigError(
                f"{name}={value}: the run was trained with {before[name]}, which cannot be changed after training; "
                f"keys that can: {', '.join(_open_keys(config))}"
            )


def check_source(stored, overrides, shown):
    """Raises `RunError` if the stored config, rather than the user, names weights to download from elsewhere.

    A run folder may come from anyone, and using it must not fetch what its author put on a server.

    Args:
        stored: `Config` of the run folder.
        overrides: list of str `section.key=value`, the user's.
        shown: str, path or URL of the stored config.
    """
    if any(override.startswith("embedding.source=") for override in overrides):
        return
    source = getattr(stored.embedding, "source", None)
    if source is not None and is_remote(stored.embedding.kind, source):
        raise RunError(
            f"{shown} names embedding.source={source}, which is neither here nor the published "
            f"weights: if you trust it, pass embedding.source={source}, or another copy of the weights"
        )


def _open_keys(config):
    """The keys that can be changed after training; `section.*` stands for all keys of a section."""
    sections = {}
    for name, _, info in walk(config):
        sections.setdefault(name.partition(".")[0], []).append((name, info["settled"] == NEVER))
    found = []
    for section, keys in sections.items():
        if all(is_open for _, is_open in keys):
            found.append(f"{section}.*" if len(keys) > 1 else section)
        else:
            found += [name for name, is_open in keys if is_open]
    return found
