"""Captions for more files than one run can be trusted with: Apache Beam around an exported SavedModel.

`files` says which, `job` keeps the list and its cut into shards, `model` and `batches` caption, `shards` does one shard
whole or not at all, and `pipeline`, the only part that needs Apache Beam, spreads shards over machines.
"""

from aac_tf.many.files import find_files
from aac_tf.many.job import Job, JobError, open_job
from aac_tf.many.model import ModelError, newest_version
from aac_tf.many.shards import Settings

__all__ = ["Job", "JobError", "ModelError", "Settings", "find_files", "newest_version", "open_job"]
