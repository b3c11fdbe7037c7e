"""Train an audio captioner from a config; see `python train.py --help`."""

import sys

from aac_tf.cli.train import main

if __name__ == "__main__":
    sys.exit(main())
