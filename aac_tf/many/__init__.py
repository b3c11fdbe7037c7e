"""Captioning large collections of files with an exported SavedModel on Apache Beam.

`files` finds the files, `job` stores their list and splits it into shards, `batches` reads them, `model` captions them,
`shards` processes a shard, and `pipeline` distributes shards over workers. Only `pipeline` and `embeddings` need Beam.
"""

from aac_tf.many.files import find_files
from aac_tf.many.job import Job, JobError, open_job
from aac_tf.many.model import ModelError, newest_version
from aac_tf.many.shards import Settings

__all__ = ["Job", "JobError", "ModelError", "Settings", "find_files", "newest_version", "open_job"]
