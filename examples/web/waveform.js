// The waveform of a sound on a canvas.

/** @param {number | null} position Share of the sound that has been played; null or NaN if it cannot be. */
export function drawWaveform(canvas, samples, position) {
  const scale = window.devicePixelRatio;
  const width = Math.round(canvas.clientWidth * scale);
  const height = Math.round(canvas.clientHeight * scale);
  if (!width) {
    return;
  }
  canvas.width = width;
  canvas.height = height;
  const style = getComputedStyle(document.documentElement);
  const context = canvas.getContext("2d");
  const bars = Math.floor(width / (3 * scale));
  const peaks = Array.from({ length: bars }, (_, bar) => {
    const from = Math.floor((bar * samples.length) / bars);
    const to = Math.floor(((bar + 1) * samples.length) / bars);
    const step = Math.max(1, Math.floor((to - from) / 200));
    let peak = 0;
    for (let index = from; index < to; index += step) {
      peak = Math.max(peak, Math.abs(samples[index]));
    }
    return peak;
  });
  const loudest = Math.max(...peaks, 0.01);
  peaks.forEach((peak, bar) => {
    context.fillStyle = style.getPropertyValue(bar < bars * (position || 0) ? "--accent" : "--faint");
    const tall = Math.max(scale, (peak / loudest) * height * 0.9);
    context.fillRect(bar * 3 * scale, (height - tall) / 2, 2 * scale, tall);
  });
}
