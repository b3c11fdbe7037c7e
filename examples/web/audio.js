// Sound as mono samples at the model's sample rate.

import { resample } from "./resample.js";

export class SoundError extends Error {}

// Browsers resample what they decode. At this rate that does not touch what a model of 16 kHz hears.
const DECODED_RATE = 48000;

/** Decodes a sound file; resolves to mono samples at `rate`. */
export async function decode(file, rate) {
  const bytes = await file.arrayBuffer();
  const decoded = wavRate(bytes) ?? DECODED_RATE;
  let sound;
  try {
    sound = await new OfflineAudioContext(1, 1, decoded).decodeAudioData(bytes);
  } catch {
    throw new SoundError(`${file.name} is not a sound that this browser can decode. Try WAV, MP3, M4A or Ogg.`);
  }
  if (!sound.length) {
    throw new SoundError(`${file.name} has no sound in it.`);
  }
  return resample(mono(sound), decoded, rate);
}

/** The sample rate of a WAV file that browsers decode without resampling; null for all others. */
function wavRate(bytes) {
  if (bytes.byteLength < 28) {
    return null;
  }
  const view = new DataView(bytes);
  const isWav = view.getUint32(0) === 0x52494646 && view.getUint32(8) === 0x57415645 && view.getUint32(12) === 0x666d7420;
  const rate = view.getUint32(24, true);
  return isWav && rate >= 8000 && rate <= 96000 ? rate : null;
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
