"""Export a trained model to LiteRT (TensorFlow Lite); see `python export/tflite.py --help`."""

import sys

from aac_tf.cli.export_tflite import main

if __name__ == "__main__":
    sys.exit(main())
