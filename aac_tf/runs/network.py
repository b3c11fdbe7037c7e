"""The frozen encoder that a run was trained with: its fingerprint, and where its weights were."""

import os
import re

from aac_tf.embeddings.fingerprint import difference
from aac_tf.embeddings.sources import PUBLISHED
from aac_tf.runs.errors import RunError


def check_network(run, network):
    """Checks that a frozen encoder is the one that a run was trained with.

    Args:
        run: `Run`.
        network: `fingerprint` of the frozen encoder; None if there is none.

    Raises:
        RunError: if it is another one. Runs of earlier versions, which have no stored fingerprint, accept any.
    """
    if network is None or not (run.folder / run.NETWORK).is_file():
        return
    stored = run.network().get("fingerprint")
    if not (isinstance(stored, list) and all(isinstance(value, (int, float)) for value in stored)):
        raise RunError(f"{run.shown(run.NETWORK)} is damaged: it has no list of numbers fingerprint")
    deviation = difference(network, stored)
    if deviation:
        raise RunError(
            f"{run.name} was trained with another frozen network: the outputs for the same input differ by "
            f"{100 * deviation:.0f} %; pass the original weights with embedding.source=..."
        )


def network_origin(run, config):
    """Says where the weights of the frozen encoder were, if neither the config nor the environment says where they are.

    Args:
        run: `Run`.
        config: `Config` of the run, with the user's overrides.

    Returns:
        dict for `build_frozen_encoder`: the `origin` of the encoder that the run was trained with; {} if a source is
        named, or the run does not know.

    Raises:
        RunError: if the run is damaged.
    """
    published = PUBLISHED.get(config.embedding.kind)
    if published is None or config.embedding.source or os.environ.get(published.variable):
        return {}
    origin = run.network()
    return {name: origin[name] for name in ("source", "checksum") if isinstance(origin.get(name), str)}


def portable_network(run):
    """What a published run says about its frozen network: as the run, without the paths of this machine.

    Args:
        run: `Run`.

    Returns:
        dict for JSON; {} if there is no frozen network.
    """
    network, published = run.network(), PUBLISHED.get(run.stored_config().embedding.kind)
    if published is None or not re.fullmatch(published.known, str(network.get("source"))):
        network.pop("source", None)
    return network
