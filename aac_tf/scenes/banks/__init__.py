"""Banks of labelled sounds: synthetic ones, and folders of recordings."""

from aac_tf.scenes.banks.base import Bank
from aac_tf.scenes.banks.folder import FolderBank
from aac_tf.scenes.banks.synthetic import SyntheticBank

__all__ = ["Bank", "FolderBank", "SyntheticBank"]
