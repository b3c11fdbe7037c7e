"""MkDocs hook: `mkdocs build --strict` fails if a public name has no entry in the API reference."""

import logging

import griffe

ROOMS = ("audio", "datasets", "decoding", "embeddings", "errors", "evaluation", "inference", "models", "text")

log = logging.getLogger("mkdocs.hooks.public_names")


def on_post_build(config, **kwargs):
    """Compares each `__all__` with what the site documents."""
    documented = config.plugins["mkdocstrings"].handlers.inventory
    package = griffe.load("aac_tf", search_paths=["."])
    for module in (package, *(package[room] for room in ROOMS)):
        for name in module.exports or ():
            # A function in a module of its own name is documented as that module's.
            if not {f"{module.path}.{name}", f"{module.path}.{name}.{name}"} & documented.keys():
                log.warning("%s.%s is public, but not in docs/api", module.path, name)
