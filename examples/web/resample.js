// Resampling as `aac_tf.audio.resample` does it: browsers' own resamplers differ in the upper octave, and captions with
// them.

const ZERO_CROSSINGS = 80;
const CUTOFF = 0.9565;
const ATTENUATION_DB = 110;
// Output samples between two pauses, in which the page can react.
const PART = 100000;

/** Resamples mono samples without delay, with a polyphase Kaiser-windowed sinc filter. */
export async function resample(samples, from, to) {
  if (from === to) {
    return samples;
  }
  const divisor = greatestCommonDivisor(from, to);
  const up = to / divisor;
  const down = from / divisor;
  const steps = ZERO_CROSSINGS * Math.max(up, down);
  const filter = halfFilter(steps, up, down);
  const output = new Float32Array(Math.ceil((samples.length * up) / down));
  for (let index = 0; index < output.length; index++) {
    // In steps of 1 / up input samples.
    const centre = index * down;
    const first = Math.max(0, Math.ceil((centre - steps) / up));
    const last = Math.min(samples.length - 1, Math.floor((centre + steps) / up));
    let sum = 0;
    for (let tap = first; tap <= last; tap++) {
      sum += samples[tap] * filter[Math.abs(centre - tap * up)];
    }
    output[index] = sum;
    if (index % PART === PART - 1) {
      await new Promise((resolve) => setTimeout(resolve));
    }
  }
  return output;
}

/** Filter values at distances of 0 to `steps` times 1 / up input samples. */
function halfFilter(steps, up, down) {
  const beta = 0.1102 * (ATTENUATION_DB - 8.7);
  const cutoff = CUTOFF / Math.max(up, down);
  return Float32Array.from({ length: steps + 1 }, (_, distance) => {
    const window = bessel(beta * Math.sqrt(1 - (distance / steps) ** 2)) / bessel(beta);
    const angle = Math.PI * cutoff * distance;
    return cutoff * up * window * (distance ? Math.sin(angle) / angle : 1);
  });
}

/** The modified Bessel function of order 0. */
function bessel(value) {
  let sum = 1;
  for (let order = 1, term = 1; term > 1e-12 * sum; order++) {
    term *= (value / (2 * order)) ** 2;
    sum += term;
  }
  return sum;
}

function greatestCommonDivisor(one, other) {
  return other ? greatestCommonDivisor(other, one % other) : one;
}
