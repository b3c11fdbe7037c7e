"""The devices that a run trains on."""

import glob
import json
import os

import tensorflow as tf

from aac_tf.config import ConfigError


def build_strategy(kind="auto"):
    """Builds the `tf.distribute.Strategy` of a run.

    If several workers train together, it must be called before other TensorFlow functions.

    Args:
        kind: str. `one`: one device; `mirrored`: all GPUs of this machine, or all its logical CPUs if it has no GPU;
            `multiworker`: the cluster in the environment variable `TF_CONFIG`; `tpu`: the TPU named by `TPU_NAME`, or
            that of this machine; `auto`: the first available of TPU, cluster and several GPUs, otherwise one device.

    Returns:
        `tf.distribute.Strategy`.

    Raises:
        ConfigError: if there is no such hardware.
    """
    if kind == "auto":
        kind = _available_kind()
    if kind == "mirrored":
        # Without a list, the strategy uses only one CPU.
        devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
        return tf.distribute.MirroredStrategy([device.name for device in devices])
    if kind == "multiworker":
        if not _workers():
            raise ConfigError(
                "training.strategy=multiworker needs the environment variable TF_CONFIG, such as "
                '{"cluster": {"worker": ["host1:2222", "host2:2222"]}, "task": {"type": "worker", "index": 0}}'
            )
        return tf.distribute.MultiWorkerMirroredStrategy()
    if kind == "tpu":
        try:
            resolver = tf.distribute.cluster_resolver.TPUClusterResolver(tpu=os.environ.get("TPU_NAME", "local"))
            tf.config.experimental_connect_to_cluster(resolver)
            tf.tpu.experimental.initialize_tpu_system(resolver)
        except (ValueError, tf.errors.OpError) as error:
            reason = str(error).splitlines()[0]
            raise ConfigError(
                f"training.strategy=tpu found no TPU: {reason}; on a Cloud TPU VM install tensorflow-tpu, elsewhere "
                "set TPU_NAME"
            ) from error
        return tf.distribute.TPUStrategy(resolver)
    return tf.distribute.get_strategy()


def is_multiworker(strategy):
    """Whether a strategy trains on several processes."""
    return isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)


def is_chief(strategy):
    """Whether this process writes the run folder."""
    if not is_multiworker(strategy):
        return True
    resolver = strategy.cluster_resolver
    first = "chief" if "chief" in resolver.cluster_spec().jobs else "worker"
    return (resolver.task_type, resolver.task_id) == (first, 0)


def _available_kind():
    if os.environ.get("TPU_NAME") or glob.glob("/dev/accel*"):
        return "tpu"
    if len(_workers()) > 1:
        return "multiworker"
    return "mirrored" if len(tf.config.list_physical_devices("GPU")) > 1 else "one"


def _workers():
    """Addresses of the workers in TF_CONFIG."""
    text = os.environ.get("TF_CONFIG")
    if not text:
        return []
    try:
        cluster = json.loads(text)["cluster"]
        return [*cluster.get("chief", []), *cluster.get("worker", [])]
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"TF_CONFIG does not describe a cluster with workers: {text[:200]}") from error
