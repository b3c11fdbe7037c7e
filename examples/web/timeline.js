// Captions over time: windows of a recording, and segments of equal captions.

/**
 * The windows of a recording, in samples. A rest of less than a quarter of a window belongs to the last one.
 * @returns {{begin: number, end: number, from: number}[]} What a window stands for begins at `begin`; the last one is
 *   heard `from` before it, so that it is as long as the others.
 */
export function windows(samples, size) {
  const found = [];
  for (let begin = 0; begin < samples; ) {
    const end = samples - begin < 1.25 * size ? samples : begin + size;
    found.push({ begin, end, from: Math.max(0, end - size) });
    begin = end;
  }
  return found;
}

/** Adds a segment `{begin, end, text}`, in seconds, or extends the last one if it says the same. */
export function append(segments, segment) {
  const last = segments.at(-1);
  if (last && last.text === segment.text && segment.begin <= last.end + 0.01) {
    last.end = segment.end;
  } else {
    segments.push({ ...segment });
  }
  return segments;
}

export function clock(seconds) {
  const whole = Math.floor(seconds);
  const pad = (number) => String(number).padStart(2, "0");
  const minutes = `${whole >= 3600 ? pad(Math.floor(whole / 60) % 60) : Math.floor(whole / 60)}:${pad(whole % 60)}`;
  return whole >= 3600 ? `${Math.floor(whole / 3600)}:${minutes}` : minutes;
}

function stamp(seconds, mark) {
  return new Date(Math.round(seconds * 1000)).toISOString().slice(11, 23).replace(".", mark);
}

/** Subtitles of all segments with a caption. */
export function toSRT(segments) {
  return segments
    .filter(({ text }) => text)
    .map(({ begin, end, text }, index) => `${index + 1}\n${stamp(begin, ",")} --> ${stamp(end, ",")}\n${text}\n`)
    .join("\n");
}

export function toVTT(segments) {
  const cues = segments
    .filter(({ text }) => text)
    .map(({ begin, end, text }) => `\n${stamp(begin, ".")} --> ${stamp(end, ".")}\n${text}\n`);
  return `WEBVTT\n${cues.join("")}`;
}
