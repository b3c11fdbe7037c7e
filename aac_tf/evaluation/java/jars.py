"""The jars that pycocoevalcap ships."""

import pathlib

import pycocoevalcap

_PACKAGE = pathlib.Path(next(iter(pycocoevalcap.__path__)))

PTB_TOKENIZER = _PACKAGE / "tokenizer" / "stanford-corenlp-3.4.1.jar"
METEOR = _PACKAGE / "meteor" / "meteor-1.5.jar"
SPICE = _PACKAGE / "spice" / "spice-1.0.jar"
SPICE_LIBRARIES = _PACKAGE / "spice" / "lib"
