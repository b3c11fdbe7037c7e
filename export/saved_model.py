"""Export a trained model as a SavedModel; see `python export/saved_model.py --help`."""

import sys

from aac_tf.cli.export import main

if __name__ == "__main__":
    sys.exit(main())
