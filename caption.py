"""Caption sound files. `python caption.py --help` says how."""

import sys

from aac_tf.cli.caption import main

if __name__ == "__main__":
    sys.exit(main())
