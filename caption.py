"""Caption sound files; see `python caption.py --help`."""

import sys

from aac_tf.cli.caption import main

if __name__ == "__main__":
    sys.exit(main())
