"""Seeded mutations of files."""

# Bytes and words that parsers stumble over.
_BYTES = [b"\0", b"\xff", b"\x7f", b"\x80", b"\xff\xff\xff\xff", b"\0\0\0\0", b"\xff\xff\xff\x7f", b"\0\0\0\x80"]
_WORDS = ["nan", "inf", "-1", "1e999", "null", "[", "{", '"', "'", ",", ",,", "\n", ":", "&a", "*a", "!!python/name:x"]
_WORDS += ["0", "true", "[]", "{}", "\u00e9", "\ufeff", "\0", "\t", "..", "/", "-", "99999999999999999999", "x" * 5000]


def mutate(content, rng, is_text=False):
    """Changes bytes in one to four ways, mostly one.

    Args:
        content: bytes.
        rng: `random.Random`.
        is_text: bool, whether to insert words rather than bytes.

    Returns:
        bytes.

    Example:
        >>> import random
        >>> from fuzz.mutations import mutate
        >>> mutate(b"RIFF", random.Random(0)) == mutate(b"RIFF", random.Random(0))
        True
    """
    for _ in range(rng.choice([1, 1, 1, 2, 4])):
        content = rng.choice(_MUTATIONS)(content, rng, is_text)
    return content


def _place(content, rng):
    # Headers matter most.
    return rng.randrange(min(len(content), rng.choice([16, 64, 4096, 1 << 30])) + 1)


def _piece(rng, is_text):
    return rng.choice(_WORDS).encode() if is_text else rng.choice(_BYTES)


def _cut(content, rng, is_text):
    place = rng.randrange(len(content) + 1)
    return content[:place] if rng.random() < 0.8 else content[place:]


def _insert(content, rng, is_text):
    place = _place(content, rng)
    return content[:place] + _piece(rng, is_text) + content[place:]


def _overwrite(content, rng, is_text):
    place, piece = _place(content, rng), _piece(rng, is_text)
    return content[:place] + piece + content[place + len(piece) :]


def _flip(content, rng, is_text):
    content = bytearray(content)
    for _ in range(rng.choice([1, 1, 8, 64])):
        if content:
            content[_place(content, rng) % len(content)] ^= 1 << rng.randrange(8)
    return bytes(content)


def _repeat(content, rng, is_text):
    place = _place(content, rng)
    return content[:place] + content[place : place + rng.randint(1, 200)] * rng.randint(2, 5) + content[place:]


def _remove(content, rng, is_text):
    place = _place(content, rng)
    return content[:place] + content[place + rng.randint(1, 200) :]


def _replace(content, rng, is_text):
    return rng.choice([b"", bytes(rng.randrange(256) for _ in range(rng.randint(1, 400))), b"\0" * 5000, b"[" * 50000])


_MUTATIONS = [*[_cut, _insert, _overwrite, _flip, _repeat, _remove] * 4, _replace]
