"""Score a trained captioner. `python evaluate.py --help` says how."""

import sys

from aac_tf.cli.evaluate import main

if __name__ == "__main__":
    sys.exit(main())
