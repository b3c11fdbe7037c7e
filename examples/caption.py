"""Captions WAV files with an exported model; needs only TensorFlow.

python examples/caption.py models/captioner/1 dog.wav
"""

import sys

import tensorflow as tf

if len(sys.argv) < 3:
    sys.exit(__doc__)
model = tf.saved_model.load(sys.argv[1])
outputs = model.signatures["caption_wav"](tf.constant([tf.io.gfile.GFile(path, "rb").read() for path in sys.argv[2:]]))

for row, path in enumerate(sys.argv[2:]):
    status = outputs["status"][row].numpy().decode()
    if status:  # why the file has no caption
        print(f"{path}: {status}")
        continue
    print(path)
    for caption, log_prob in zip(outputs["captions"][row].numpy(), outputs["log_probs"][row].numpy()):
        print(f"  {log_prob:8.2f}  {caption.decode()}")
    # The time of each word: that of the encoder step with the largest attention weight.
    seconds = tf.gather(outputs["step_seconds"], tf.argmax(outputs["attention"][row], axis=-1)).numpy()
    for word, second in zip(outputs["caption"][row].numpy().decode().split(), seconds):
        print(f"  {second:6.1f} s  {word}")
