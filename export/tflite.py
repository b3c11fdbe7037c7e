"""Write a trained run as a LiteRT (TensorFlow Lite) model. `python export/tflite.py --help` says how."""

import sys

from aac_tf.cli.export_tflite import main

if __name__ == "__main__":
    sys.exit(main())
