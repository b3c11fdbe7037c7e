"""Published datasets: where their files are, and how they get into the folders that the readers expect."""

from aac_tf.downloads.catalogue import Published, PublishedFile, read_catalogue
from aac_tf.downloads.fetch import fetch, plan

__all__ = ["Published", "PublishedFile", "fetch", "plan", "read_catalogue"]
