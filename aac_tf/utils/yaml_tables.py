"""Large tables in YAML."""

import yaml

# PyYAML's parser in C takes a tenth of the time, but not every installation has it.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def load_table(source):
    """Loads YAML as `yaml.safe_load` does, and faster.

    Args:
        source: str, or an open text file.

    Returns:
        What the document contains.

    Raises:
        yaml.YAMLError: if it is not YAML.

    Example:
        >>> from aac_tf.utils.yaml_tables import load_table
        >>> load_table("rain: [drizzle, downpour]")
        {'rain': ['drizzle', 'downpour']}
    """
    return yaml.load(source, _LOADER)
