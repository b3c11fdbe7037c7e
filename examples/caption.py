"""Captions a WAV file with an exported model; TensorFlow is all it needs.

python examples/caption.py models/captioner/1 dog.wav
"""

import sys

import tensorflow as tf

model = tf.saved_model.load(sys.argv[1])
answer = model.signatures["caption_wav"](tf.constant([tf.io.gfile.GFile(path, "rb").read() for path in sys.argv[2:]]))

for row, path in enumerate(sys.argv[2:]):
    print(path, answer["status"][row].numpy().decode())
    for caption, log_prob in zip(answer["captions"][row].numpy(), answer["log_probs"][row].numpy()):
        print(f"  {log_prob:8.2f}  {caption.decode()}")
    # When in the clip each word was heard: the step that it was taken from most.
    heard = tf.gather(answer["step_seconds"], tf.argmax(answer["attention"][row], axis=-1)).numpy()
    for word, second in zip(answer["caption"][row].numpy().decode().split(), heard):
        print(f"  {second:6.1f} s  {word}")
