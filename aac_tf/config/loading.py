"""Reads, checks and writes configs."""

import dataclasses
import difflib
import typing

import yaml
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from aac_tf.config.errors import ConfigError
from aac_tf.config.keys import OneOf, check_value, describe_range
from aac_tf.config.packaged import find_config
from aac_tf.config.schema import AudioConfig, AugmentationConfig, Config, SourceConfig


def load_config(path=None, overrides=(), drop_unused=False):
    """Reads a config file and applies overrides to it.

    Args:
        path: path of a YAML file, or the name of a packaged config (see `find_config`); None takes the defaults.
        overrides: list of str `section.key=value`, as on the command line; the value is YAML.
        drop_unused: bool, whether to drop keys of the file that belong to another kind of their section, which earlier
            versions accepted without effect, rather than to refuse them.

    Returns:
        `Config`.

    Raises:
        ConfigError: if the file cannot be read; a key is unknown or belongs to another kind of its section; or a value
            has the wrong type, is out of range or contradicts another key.

    Example:
        >>> from aac_tf.config import load_config
        >>> load_config(None, ["decoder.kind=fixed_vector", "decoder.units=128"]).decoder
        FixedVectorDecoderConfig(kind='fixed_vector', units=128, dropout=0.0)
    """
    given = OmegaConf.create({}) if path is None else _read_yaml(path)
    if isinstance(overrides, str):
        raise ConfigError(f"overrides are a list of key=value, such as [{overrides!r}]; got the string {overrides!r}")
    for override in overrides:
        if "=" not in override:
            raise ConfigError(f"expected key=value, got `{override}`")
    try:
        typed = _read_overrides(overrides)
        schema = OmegaConf.structured(Config)
        for name, info in _one_of_sections():
            kind = _section_kind(name, info, given, typed)
            # Replaces the complete node, so that keys of other kinds are unknown and cannot be set.
            schema[name] = OmegaConf.structured(info["kinds"][kind](kind=kind))
            _drop_foreign_keys(name, info, kind, given, drop_unused)
        for layer in (given, typed):
            _check_containers(schema, layer)
            schema = OmegaConf.merge(schema, layer)
        config = typing.cast(Config, OmegaConf.to_object(schema))
    except OmegaConfBaseException as error:
        raise ConfigError(_explain(error, given, overrides)) from error
    for name, value, info in walk(config):
        check_value(name, value, info)
    for index, source in enumerate(config.data.sources):
        for name, value, info in walk(source, f"data.sources[{index}]."):
            check_value(name, value, info)
    _check_combinations(config)
    return config


def save_config(config, path):
    """Writes a `Config` as YAML, from which `load_config` reads an equal one."""
    OmegaConf.save(OmegaConf.structured(config), path)


def flatten(config):
    """Converts a `Config` to a dict of `section.key` to value, with the keys of the configured kinds."""
    return {name: _plain(value) for name, value, _ in walk(config)}


def walk(node, prefix="", settled=None):
    """Yields (`section.key`, value, metadata of the key) for every key of a config or a section.

    Args:
        node: `Config`, or a section.
        prefix: str, prepended to the names.
        settled: default for keys that do not declare it; see `aac_tf.config.keys`.
    """
    for item in dataclasses.fields(node):
        value, info = getattr(node, item.name), item.metadata
        if dataclasses.is_dataclass(value):
            if isinstance(value, OneOf):
                choices = {"about": info["about"], "choices": tuple(info["kinds"]), "settled": info["settled"]}
                yield f"{prefix}{item.name}.kind", value.kind, choices
            yield from walk(value, f"{prefix}{item.name}.", info["settled"])
        elif not (isinstance(node, OneOf) and item.name == "kind"):
            yield f"{prefix}{item.name}", value, {**info, "settled": info["settled"] or settled}


def describe_keys():
    """Lists every key of every kind.

    Returns:
        list of (key, default, description). The description includes the valid values and, for a key that not all
        kinds of its section have, the kinds. Kinds that describe a key differently have a row each.
    """
    rows = []
    for item in dataclasses.fields(Config):
        default = getattr(Config(), item.name)
        if "kinds" in item.metadata:
            rows.append(_row(f"{item.name}.kind", item.metadata["default"], _kind_info(item.metadata)))
            kinds_of: dict[str, tuple] = {}  # rows that are alike, and the kinds that have them
            for kind, cls in item.metadata["kinds"].items():
                for row in (_row(*found) for found in walk(cls(kind=kind), f"{item.name}.")):
                    kinds_of.setdefault(repr(row), (row, []))[1].append(kind)
            for (name, value, about), kinds in kinds_of.values():
                some = len(kinds) < len(item.metadata["kinds"])
                rows.append((name, value, f"with {item.name}.kind={' | '.join(kinds)}: {about}" if some else about))
        elif dataclasses.is_dataclass(default):
            rows.extend(_row(*found) for found in walk(default, f"{item.name}."))
        else:
            rows.append(_row(item.name, default, item.metadata))
    return rows


def _kind_info(info):
    return {"about": info["about"], "choices": tuple(info["kinds"])}


def _row(name, value, info):
    shown = describe_range({**info, "choices": tuple(c for c in info.get("choices") or () if c is not None)})
    return name, value, f"{info['about']}{f' ({shown})' if shown else ''}"


def _plain(value):
    if not isinstance(value, list):
        return value
    return [dataclasses.asdict(item) if isinstance(item, SourceConfig) else item for item in value]


def _one_of_sections():
    return [(item.name, item.metadata) for item in dataclasses.fields(Config) if "kinds" in item.metadata]


def _section_kind(name, info, *layers):
    """The kind of a section, from the last layer that sets it."""
    kind = info["default"]
    for layer in layers:
        found = layer.get(name)
        if OmegaConf.is_dict(found):
            kind = found.get("kind") or kind
    if kind not in info["kinds"]:
        raise ConfigError(f"{name}.kind takes {' | '.join(info['kinds'])}, got `{kind}`")
    return kind


def _drop_foreign_keys(name, info, kind, given, every):
    """Removes a file's keys of other kinds where they are legitimate.

    They are if an override replaces the kind in the file, or if they hold their defaults: configs written by earlier
    versions contain the keys of all kinds. `every` removes all of them.
    """
    if not OmegaConf.is_dict(given.get(name)):
        return
    own = {item.name for item in dataclasses.fields(info["kinds"][kind])}
    replaced = _section_kind(name, info, given) != kind
    for cls in info["kinds"].values():
        for item in dataclasses.fields(cls):
            if item.name in own or item.name not in given[name]:
                continue
            if every or replaced or given[name][item.name] == item.default:
                del given[name][item.name]


def _read_yaml(path):
    try:
        loaded = OmegaConf.load(find_config(path))
    except OSError as error:
        raise ConfigError(f"cannot read the config {path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    if not OmegaConf.is_dict(loaded):
        raise ConfigError(f"{path} must contain sections such as `training:`, found {type(loaded).__name__}")
    return loaded


def _read_overrides(overrides):
    try:
        return OmegaConf.from_dotlist(list(overrides))
    except yaml.YAMLError as error:
        raise ConfigError(f"the value of an override is not YAML: {' '.join(str(error).split())}") from error


def _check_containers(schema, layer, prefix=""):
    """Rejects values in place of sections or lists, for which OmegaConf's error does not name the key."""
    for name in layer:
        if name not in schema:
            continue
        wanted, found = schema[name], layer[name]
        for is_kind, what in ((OmegaConf.is_dict, "a mapping of keys to values"), (OmegaConf.is_list, "a list")):
            if is_kind(wanted) and not is_kind(found):
                raise ConfigError(f"{prefix}{name} takes {what}, got `{found}`")
        if OmegaConf.is_dict(wanted):
            _check_containers(wanted, found, f"{prefix}{name}.")


def _check_combinations(config):
    value = config.data.embedding_store
    if value.lower() not in ("on", "off", "true", "false") and not value.isdecimal():
        raise ConfigError(f"data.embedding_store takes on | off | a number of augmented views, got `{value}`")
    frozen = config.embedding.kind != "none"
    if frozen and config.data.stored_views() == 0 and config.specaugment.probability > 0:
        raise ConfigError(
            "data.embedding_store=0 stores no augmented views for SpecAugment: store some, or set "
            "specaugment.probability=0"
        )
    if frozen and config.data.stored_views() is not None and config.augmentation != AugmentationConfig():
        raise ConfigError(
            "augmentation.* changes sounds before the frozen encoder, and stored embeddings are computed once: set "
            "data.embedding_store=off, or use embedding_specaugment.*"
        )
    if frozen and config.audio != AudioConfig():
        raise ConfigError(f"embedding.kind={config.embedding.kind} brings its own spectrogram: remove the audio.* keys")
    if config.data.sources and config.data.root is not None:
        raise ConfigError("data.sources and data.root exclude each other: set `root` in each source")
    if config.scenes.min_seconds > config.scenes.max_seconds:
        raise ConfigError(
            f"scenes.min_seconds={config.scenes.min_seconds:g} is more than "
            f"scenes.max_seconds={config.scenes.max_seconds:g}"
        )


def _explain(error, given, overrides):
    """Turns an OmegaConf error into a message that names the key."""
    name = error.full_key or ""
    if "not in" in str(error) and name:
        section, _, own = name.partition(".")
        for other, info in _one_of_sections():
            owners = [kind for kind, cls in info["kinds"].items() if own in {f.name for f in dataclasses.fields(cls)}]
            if other == section and owners:
                kind = _section_kind(section, info, given, _read_overrides(overrides))
                return (
                    f"{name} is a key of {section}.kind={' and '.join(owners)}, not of {section}.kind={kind}: remove it"
                )
        known = [key for key, _, _ in describe_keys()]
        near = _similar_keys(name, known)
        name = name if len(name) <= 60 else name[:57] + "..."
        hint = f"; did you mean `{near[0]}`?" if near else "; `aac-train --keys` lists the keys"
        return f"unknown config key `{name}`{hint}"
    reason = str(error).splitlines()[0]
    return f"{name}: {reason}" if name else reason


def _similar_keys(name, known):
    """The keys that a user may mean by an unknown one: of its name elsewhere, or similar ones of its section."""
    section, _, own = name.rpartition(".")
    elsewhere = [key for key in known if key.rpartition(".")[2] == own]
    if section:
        near = {key.rpartition(".")[2]: key for key in known if key.startswith(f"{section}.")}
    else:
        near = {key.partition(".")[0]: key.partition(".")[0] for key in known}
    return elsewhere or [near[match] for match in difflib.get_close_matches(own, near, n=1, cutoff=0.5)]
