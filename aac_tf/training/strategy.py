"""On which devices a run trains."""

import glob
import json
import os

import tensorflow as tf

from aac_tf.config import ConfigError


def build_strategy(kind="auto"):
    """The `tf.distribute.Strategy` that a run trains with.

    To be called before anything else of TensorFlow where several workers train together.

    Args:
        kind: `one` device; `mirrored`: all GPUs of this machine, or all logical processors where it has none;
            `multiworker`: the cluster of the environment variable `TF_CONFIG`; `tpu`: the one named by `TPU_NAME`, or
            this machine's; `auto`: the first of TPU, cluster and several GPUs that is there, otherwise one device.

    Raises:
        ConfigError: if there is no such hardware.
    """
    if kind == "auto":
        kind = _found()
    if kind == "mirrored":
        # Without a list the strategy would take one processor only.
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
    """Whether other processes train together with this one."""
    return isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)


def is_chief(strategy):
    """Whether this process is the one that writes the run folder."""
    if not is_multiworker(strategy):
        return True
    resolver = strategy.cluster_resolver
    first = "chief" if "chief" in resolver.cluster_spec().jobs else "worker"
    return (resolver.task_type, resolver.task_id) == (first, 0)


def _found():
    if os.environ.get("TPU_NAME") or glob.glob("/dev/accel*"):
        return "tpu"
    if len(_workers()) > 1:
        return "multiworker"
    return "mirrored" if len(tf.config.list_physical_devices("GPU")) > 1 else "one"


def _workers():
    """Addresses of the cluster's workers in TF_CONFIG."""
    text = os.environ.get("TF_CONFIG")
    if not text:
        return []
    try:
        cluster = json.loads(text)["cluster"]
        return [*cluster.get("chief", []), *cluster.get("worker", [])]
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"TF_CONFIG is not a description of a cluster with workers: {text[:200]}") from error
