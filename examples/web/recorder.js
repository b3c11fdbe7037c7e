// Passes the microphone's samples on, as the mean of its channels.

class Recorder extends AudioWorkletProcessor {
  process([channels]) {
    if (channels.length) {
      const mean = channels[0].map((_, index) => channels.reduce((sum, one) => sum + one[index], 0) / channels.length);
      this.port.postMessage(mean, [mean.buffer]);
    }
    return true;
  }
}

registerProcessor("recorder", Recorder);
