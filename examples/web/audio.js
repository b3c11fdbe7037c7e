// Sound as mono samples at the model's sample rate.

export class SoundError extends Error {}

/** Decodes a sound file; the browser resamples it to `rate`. */
export async function decode(file, rate) {
  const bytes = await file.arrayBuffer();
  let sound;
  try {
    sound = await new OfflineAudioContext(1, 1, rate).decodeAudioData(bytes);
  } catch {
    throw new SoundError(`${file.name} is not a sound that this browser can decode. Try WAV, MP3, M4A or Ogg.`);
  }
  return mono(sound);
}

/** Resamples mono samples. */
export async function resample(samples, from, to) {
  if (from === to) {
    return samples;
  }
  const context = new OfflineAudioContext(1, Math.ceil((samples.length * to) / from), to);
  const buffer = new AudioBuffer({ length: samples.length, sampleRate: from });
  buffer.copyToChannel(samples, 0);
  const source = new AudioBufferSourceNode(context, { buffer });
  source.connect(context.destination);
  source.start();
  return (await context.startRendering()).getChannelData(0);
}

function mono(sound) {
  const mean = new Float32Array(sound.length);
  for (let channel = 0; channel < sound.numberOfChannels; channel++) {
    const samples = sound.getChannelData(channel);
    for (let index = 0; index < mean.length; index++) {
      mean[index] += samples[index] / sound.numberOfChannels;
    }
  }
  return mean;
}

/** The microphone, which keeps the last `seconds` of sound. */
export class Microphone {
  #blocks = [];
  #kept = 0;

  /** Number of samples heard since the start. */
  heard = 0;

  static async open(seconds) {
    if (!navigator.mediaDevices?.getUserMedia) {
      throw new SoundError("The microphone needs a page that was opened by HTTPS or on localhost.");
    }
    const microphone = new Microphone();
    const raw = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
    try {
      microphone.stream = await navigator.mediaDevices.getUserMedia({ audio: raw });
    } catch (error) {
      throw new SoundError(`The microphone cannot be used: ${error.message}.`);
    }
    // At the rate of the device: not all browsers resample a stream.
    microphone.context = new AudioContext();
    microphone.rate = microphone.context.sampleRate;
    await microphone.context.audioWorklet.addModule(new URL("recorder.js", import.meta.url));
    const recorder = new AudioWorkletNode(microphone.context, "recorder", { numberOfOutputs: 0 });
    recorder.port.onmessage = ({ data }) => microphone.#keep(data, seconds * microphone.rate);
    microphone.context.createMediaStreamSource(microphone.stream).connect(recorder);
    return microphone;
  }

  #keep(block, limit) {
    this.#blocks.push(block);
    this.#kept += block.length;
    this.heard += block.length;
    while (this.#kept - this.#blocks[0].length >= limit) {
      this.#kept -= this.#blocks.shift().length;
    }
  }

  /** The last samples, at most `seconds` of them, at `rate`. */
  last(seconds, rate) {
    const all = new Float32Array(this.#kept);
    let end = 0;
    for (const block of this.#blocks) {
      all.set(block, end);
      end += block.length;
    }
    return resample(all.subarray(Math.max(0, all.length - Math.round(seconds * this.rate))), this.rate, rate);
  }

  close() {
    this.stream.getTracks().forEach((track) => track.stop());
    return this.context.close();
  }
}
