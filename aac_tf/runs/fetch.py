"""Finds a run by what users call it: a folder, a preset, a model on the Hugging Face hub, or an archive on the web."""

import hashlib
import os
import re

from aac_tf.runs.archives import MAX_BYTES, unpack_run
from aac_tf.runs.errors import RunError
from aac_tf.runs.presets import find_preset, preset_names
from aac_tf.runs.run import Run
from aac_tf.utils.cache import cache_folder
from aac_tf.utils.download import DownloadError, download

_HUB = re.compile(r"hf://(?P<repo>[\w.-]+/[\w.-]+)(@(?P<revision>[\w./-]+))?/?")
_WEB = re.compile(r"https?://")
_ARCHIVE = re.compile(r"https?://.*[^/]")  # the URL of a run folder ends with /


def find_run(reference):
    """Finds a run, and downloads it unless it is here already.

    Nothing of a downloaded run is executed: only the files of `Run.PUBLISHED` are fetched, which hold text and numbers.

    Args:
        reference: path of a run folder, or its URL, such as `s3://bucket/run` or `https://.../run/`; name of a preset;
            `hf://USER/REPO` or `hf://USER/REPO@REVISION`; or `https://...` of a tar or zip archive, with `#sha256=...`
            or a file `ADDRESS.sha256` beside it.

    Returns:
        Path of the run folder. A path or URL of a folder is returned as it is.

    Raises:
        RunError: if there is no such run, or it is not a published one.
        DownloadError: if the server cannot be reached, or the checksum is wrong.
    """
    if not isinstance(reference, str):
        return reference
    if reference.startswith("hf://"):
        return _from_hub(reference)
    if _ARCHIVE.fullmatch(reference):
        return _from_web(reference)
    if re.fullmatch(r"[\w.-]+", reference) and not Run(reference).exists:
        if reference in preset_names():
            return find_preset(reference)
        if not os.path.isdir(reference):
            raise RunError(
                f"{reference} is not a run folder, nor a preset (presets: {', '.join(preset_names()) or 'none'}): give "
                "a run folder, hf://USER/REPO, or https://... of an archive"
            )
    return reference


def open_run(reference):
    """Opens a run.

    A remote run is fetched each time that it is opened, so a program that needs it several times passes the `Run` on.

    Args:
        reference: as for `find_run`; or a `Run`, which is returned as it is.

    Returns:
        `Run`.

    Raises:
        RunError, DownloadError: as `find_run` does.
    """
    return reference if isinstance(reference, Run) else Run(find_run(reference))


def is_folder(reference):
    """Whether `find_run` takes a reference for the path of a folder, which the user may want to write to."""
    return not isinstance(reference, str) or not (
        reference.startswith("hf://")
        or _WEB.match(reference)
        or (reference in preset_names() and not Run(reference).exists)
    )


def public_name(reference):
    """What others may call a run: its reference, if that is neither a folder nor an address with a query; else None."""
    return None if is_folder(reference) or "?" in reference else reference  # a query may hold a password


def _from_web(reference):
    try:
        archive = download(reference, MAX_BYTES, checksum_beside=True)
    except ValueError as error:
        raise RunError(str(error)) from error
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    folder = cache_folder() / "runs" / digest[:32]
    if not folder.is_dir():
        unpack_run(archive, folder)
    return folder


def _from_hub(reference):
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

    match = _HUB.fullmatch(reference)
    if not match:
        raise RunError(f"{reference}: expected hf://USER/REPO or hf://USER/REPO@REVISION")
    repository, revision, wanted = match["repo"], match["revision"], list(Run.PUBLISHED)
    try:
        about = HfApi().model_info(repository, revision=revision, files_metadata=True, timeout=30)
        sizes = {file.rfilename: file.size or 0 for file in about.siblings if file.rfilename in Run.PUBLISHED}
        if Run.CONFIG not in sizes:
            raise RunError(f"{reference} is not a published run: it has no {Run.CONFIG}")
        if sum(sizes.values()) > MAX_BYTES:
            raise RunError(f"{reference} is not a published run: its files have more than {MAX_BYTES >> 20} MB")
        return snapshot_download(repository, revision=revision, allow_patterns=wanted)
    except (GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError) as error:
        raise RunError(f"{reference}: the hub has no such model or revision, or you may not read it") from error
    except RunError:
        raise
    except Exception as error:  # the hub's library raises those of several others
        # Without a network, the last version that was downloaded will do.
        try:
            folder = snapshot_download(repository, revision=revision, allow_patterns=wanted, local_files_only=True)
        except Exception:
            raise DownloadError(f"cannot download {reference}: {error}") from error
        if not Run(folder).exists:
            raise DownloadError(f"cannot download {reference}: {error}") from error
        return folder
