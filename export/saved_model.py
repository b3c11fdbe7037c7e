"""Write a trained run as a SavedModel. `python export/saved_model.py --help` says how."""

import sys

from aac_tf.cli.export import main

if __name__ == "__main__":
    sys.exit(main())
