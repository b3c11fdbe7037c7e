"""Readable reasons why a sound file cannot be used."""

from __future__ import annotations

import re

from aac_tf.errors import AacError

# Our own checks carry their reason (see `checks.require`); the others are messages of TensorFlow.
_OWN_REASON = re.compile(r"audio: ((?:\\.|[^\]'\"\n\\])*)")
_REASONS = (
    (r"OOM when allocating", "damaged, or too long for this machine's memory"),
    (r"; Is a directory", "a directory, not a file"),
    (r"; No such file or directory", "no such file"),
    (r"; Permission denied", "permission denied"),
)
# TensorFlow escapes quotes and all but ASCII.
_ESCAPED = re.compile(r"(?:\\x[0-9a-f]{2})+|\\.")
# What TensorFlow adds around the actual message.
_NOISE = re.compile(r"\{\{.*?\}\}|Graph execution error:|\[Op:\w+\]|name:\s*$", re.MULTILINE)


class AudioError(AacError, ValueError):
    """A sound file that cannot be used.

    Args:
        path: the file, as the caller named it.
        reason: str, what is wrong with it.

    Example:
        >>> from aac_tf.audio import AudioError, load_audio
        >>> try:
        ...     load_audio("missing.wav")
        ... except AudioError as error:
        ...     print(error.reason)
        no such file
    """

    def __init__(self, path, reason):
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self):
        return f"{self.path}: {self.reason}"


class Unusable(AacError, ValueError):
    """Why a sound file cannot be used, where its path is not known; `SoundFile` raises it as `AudioError`."""


def error_reason(message):
    """Shortens the message of a TensorFlow error that was raised while reading a sound file.

    Args:
        message: str of the exception, from `decode_wav`, `read_audio` or a `tf.data` pipeline that maps one of them.

    Returns:
        str, the reason; the first line of an unknown message.
    """
    own = _OWN_REASON.search(message)
    if own:
        return _ESCAPED.sub(_unescaped, own.group(1)).strip()
    for pattern, reason in _REASONS:
        if re.search(pattern, message):
            return reason
    lines = [line.strip() for line in _NOISE.sub("", message).splitlines()]
    return next((line for line in lines if line), "unknown error")


def _unescaped(match):
    text = match[0]
    return bytes.fromhex(text.replace("\\x", "")).decode(errors="replace") if text[1] == "x" else text[1:]
