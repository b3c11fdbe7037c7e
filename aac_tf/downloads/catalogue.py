"""The table of published datasets."""

from __future__ import annotations

import dataclasses
import functools
import pathlib

import yaml


@dataclasses.dataclass(frozen=True)
class PublishedFile:
    """A published file of a dataset.

    Args:
        name: its name.
        address: its URLs, the best first.
        md5: its MD5; None if the publisher states none.
        unpack: of an archive, pattern of the files to unpack to their folder; None for a file that is kept as it is.
        only: name of a file of the dataset in which the wanted recordings are named; None for all recordings.
        count: number of rows of a table, or of files to unpack; None if it is not known.
    """

    name: str
    address: tuple[str, ...]
    md5: str | None = None
    unpack: dict[str, str] | None = None
    only: str | None = None
    count: int | None = None

    @property
    def checksum(self):
        """The checksum in the form of `fetch_file`."""
        return self.md5 and f"md5:{self.md5}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Listed:
    """What can be downloaded, as `aac-download --list` shows it.

    Args:
        about: what it is, in a line.
        licence: what its licence allows, in a line.
        homepage: the publisher's page, with the licence.
        use: how to use it, or what works with it.
        size: how large the files are; None if that is not known.
    """

    about: str
    licence: str
    homepage: str
    use: str
    size: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Published(Listed):
    """A published dataset.

    Args:
        files: the files.
    """

    files: tuple[PublishedFile, ...]


@functools.cache
def read_catalogue():
    """Reads the table of published datasets.

    Returns:
        dict of name to `Published`.

    Example:
        >>> from aac_tf.downloads import read_catalogue
        >>> read_catalogue()["clotho"].files[0].name
        'clotho_captions_development.csv'
    """
    table = yaml.safe_load((pathlib.Path(__file__).parent / "catalogue.yaml").read_text(encoding="utf-8"))
    return {name: _published(**entry) for name, entry in table.items()}


def _published(files, address=None, **fields):
    return Published(**fields, files=tuple(_file(**{"address": address, **file}) for file in files))


def _file(name, address, **fields):
    addresses = [address] if isinstance(address, str) else address
    return PublishedFile(name, tuple(one.format(name=name) for one in addresses), **fields)
