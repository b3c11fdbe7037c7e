"""Where the weights of a run's frozen encoder were when it was trained."""

import os
import re

from aac_tf.embeddings.sources import PUBLISHED


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
