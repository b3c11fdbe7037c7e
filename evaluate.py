"""Score a trained captioner; see `python evaluate.py --help`."""

import sys

from aac_tf.cli.evaluate import main

if __name__ == "__main__":
    sys.exit(main())
