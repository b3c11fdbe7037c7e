"""Griffe extension: the sections of our docstrings that Griffe does not know under their Keras names."""

import re

import griffe

SECTIONS = {
    "Example": "Examples",
    "Call arguments": "Keyword Args: Call arguments",
}


class DocstringSections(griffe.Extension):
    """Renames the sections before they are parsed."""

    def on_object(self, *, obj, loader, **kwargs):  # noqa: D102
        if obj.docstring:
            for ours, theirs in SECTIONS.items():
                obj.docstring.value = re.sub(
                    rf"^( *){ours}:$", rf"\1{theirs}:", obj.docstring.value, flags=re.MULTILINE
                )
