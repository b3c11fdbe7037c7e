"""Train an audio captioner from a config. `python train.py --help` says how."""

import sys

from aac_tf.cli.train import main

if __name__ == "__main__":
    sys.exit(main())
