import { decode, Microphone, SoundError } from "./audio.js";
import { Captioner } from "./captioner.js";
import { append, clock, toSRT, toVTT, windows } from "./timeline.js";
import { drawWaveform } from "./waveform.js";

const element = (id) => document.getElementById(id);
const [file, drop, microphoneButton, windowChoice, status, progress, error, result, caption, player, table, overTime] = [
  ...["file", "drop", "microphone", "window", "status", "progress", "error", "result", "caption", "player"],
  ...["segments", "over-time"],
].map(element);
// Browsers decode a recording in one piece: 1.4 GB an hour in stereo, and half of that again as mono.
const MAX_SECONDS = 3600;
const captioner = new Captioner(showDownload);
const loaded = captioner.load();
// A number for each sound: what belongs to an earlier one is dropped when it arrives.
let current = 0;
let name = "microphone";
let samples = new Float32Array(0);
let segments = [];
let microphone = null;

function setState(state, text) {
  document.documentElement.dataset.state = state;
  status.textContent = text;
}

function showDownload(received, total) {
  // When one of the two downloads has failed, the other still reports.
  if (document.documentElement.dataset.state === "failed") {
    return;
  }
  const megabytes = (bytes) => (bytes / 1e6).toFixed(1);
  if (received === total) {
    progress.removeAttribute("value");
    status.textContent = "Starting the captioner …";
    return;
  }
  progress.value = total ? received / total : 0;
  status.textContent = `Loading the captioner: ${megabytes(received)}${total ? ` of ${megabytes(total)}` : ""} MB …`;
}

function fail(problem, title = "") {
  error.textContent = problem.message;
  error.hidden = false;
  setState("failed", title);
}

function seconds(number) {
  return `${Number(number.toFixed(1))} s`;
}

async function start() {
  let about;
  try {
    about = await loaded;
  } catch (problem) {
    fail(problem, "The captioner could not be loaded.");
    return;
  }
  for (const part of [1, 2, 4]) {
    windowChoice.add(new Option(seconds(about.seconds / part), about.seconds / part));
  }
  windowChoice.disabled = false;
  element("about").textContent = `Captioner “${about.name}” of aac_tf, run by LiteRT.js.`;
  if (document.documentElement.dataset.state === "loading") {
    setState("ready", "Ready.");
  }
}

async function captionFile(chosen) {
  await stopListening();
  const run = ++current;
  clear();
  player.hidden = false;
  name = chosen.name;
  try {
    const about = await loaded;
    if (run !== current) {
      return;
    }
    progress.removeAttribute("value");
    setState("working", `Reading ${name} …`);
    URL.revokeObjectURL(player.src);
    player.src = URL.createObjectURL(chosen);
    const duration = await durationOf(player);
    if (run !== current) {
      return;
    }
    checkDuration(duration);
    const sound = await decode(chosen, about.sample_rate);
    if (run !== current) {
      return;
    }
    samples = sound;
    await captionAll(run, about);
  } catch (problem) {
    if (run === current) {
      fail(problem instanceof SoundError ? problem : new Error(`${name}: ${problem.message}`));
    }
  }
}

/** The duration in seconds of what a player has just been given; NaN if the player does not find out soon. */
function durationOf(player) {
  return new Promise((resolve) => {
    player.onloadedmetadata = () => resolve(player.duration);
    player.onerror = () => resolve(NaN);
    setTimeout(resolve, 5000, NaN);
  });
}

function checkDuration(duration) {
  if (duration > MAX_SECONDS) {
    throw new SoundError(`${name} is ${clock(duration)} long. This page takes recordings of up to ${clock(MAX_SECONDS)}.`);
  }
}

async function captionAll(run, about) {
  const rate = about.sample_rate;
  const total = samples.length / rate;
  const parts = windows(samples.length, Math.round(Number(windowChoice.value) * rate));
  const whole = total <= about.seconds;
  let milliseconds = 0;
  let done = 0;
  result.hidden = false;
  draw();
  const listen = async (from, end) => {
    const found = await captioner.caption(samples.slice(from, end));
    milliseconds += found.milliseconds;
    progress.value = ++done / (parts.length + (whole && parts.length > 1 ? 1 : 0));
    return found;
  };
  setState("working", `Listening to ${name} …`);
  // A recording that fits has one caption for all of it, as `aac-caption` gives.
  const first = whole ? await listen(0, samples.length) : null;
  if (run !== current) {
    return;
  }
  if (first) {
    caption.textContent = first.text || `No caption: ${first.reason}.`;
  }
  for (const { begin, end, from } of parts) {
    const found = parts.length === 1 && first ? first : await listen(from, end);
    if (run !== current) {
      return;
    }
    append(segments, { begin: begin / rate, end: end / rate, text: found.text });
    showSegments();
    if (!first) {
      caption.textContent = segments.map(({ text }) => text).find(Boolean) ?? "Silence.";
    }
    setState("working", `Listening to ${name}: ${clock(end / rate)} of ${clock(total)}`);
  }
  if (!first) {
    caption.textContent = summary();
  }
  result.dataset.milliseconds = milliseconds;
  setState("done", `${name}: ${seconds(total)} of sound captioned in ${seconds(milliseconds / 1000)}.`);
}

/** The captions of a long recording that last longest, in order of time. */
function summary() {
  const lasting = new Map();
  for (const { begin, end, text } of segments.filter(({ text }) => text)) {
    lasting.set(text, (lasting.get(text) ?? 0) + end - begin);
  }
  const most = [...lasting.keys()].sort((one, other) => lasting.get(other) - lasting.get(one)).slice(0, 2);
  const told = [...lasting.keys()].filter((text) => most.includes(text));
  return told.length ? told.join("; ") : "Silence.";
}

async function listen() {
  const run = ++current;
  clear();
  player.hidden = true;
  player.removeAttribute("src");
  name = "microphone";
  try {
    const about = await loaded;
    setState("working", "Waiting for the microphone: the browser may ask for permission …");
    progress.removeAttribute("value");
    const opened = await Microphone.open(about.seconds);
    // Another sound was chosen meanwhile.
    if (run !== current) {
      await opened.close();
      return;
    }
    microphone = opened;
    microphoneButton.setAttribute("aria-pressed", "true");
    microphoneButton.textContent = "Stop listening";
    result.hidden = false;
    setState("listening", "Listening to the microphone …");
    for (let begin = 0; microphone && run === current; ) {
      const size = Number(windowChoice.value);
      const heard = microphone.heard / microphone.rate;
      if (heard - begin < size) {
        await new Promise((resolve) => setTimeout(resolve, 100));
        continue;
      }
      samples = await microphone.last(size, about.sample_rate);
      const found = await captioner.caption(samples);
      if (run !== current) {
        return;
      }
      append(segments, { begin, end: heard, text: found.text });
      begin = heard;
      caption.textContent = found.text || "Silence.";
      showSegments();
      draw();
    }
  } catch (problem) {
    if (run === current) {
      await stopListening();
      fail(problem);
    }
  }
}

async function stopListening() {
  const open = microphone;
  microphone = null;
  microphoneButton.setAttribute("aria-pressed", "false");
  microphoneButton.textContent = "Use the microphone";
  if (open) {
    current++;
    await open.close();
    setState("done", "Stopped listening.");
  }
}

function clear() {
  segments = [];
  samples = new Float32Array(0);
  error.hidden = true;
  result.hidden = true;
  delete result.dataset.milliseconds;
  caption.textContent = "";
  player.pause();
  showSegments();
}

function showSegments() {
  overTime.hidden = segments.length === 0;
  while (table.rows.length > segments.length) {
    table.deleteRow(-1);
  }
  // Segments grow at their end only. The other rows stay, with the focus that they may have.
  for (let index = Math.max(0, table.rows.length - 1); index < segments.length; index++) {
    fillRow(table.rows[index] ?? addRow(), segments[index]);
  }
}

function addRow() {
  const row = table.insertRow();
  const time = row.insertCell();
  row.insertCell();
  if (!player.hidden) {
    const button = document.createElement("button");
    button.type = "button";
    button.onclick = () => playFrom(segments[row.sectionRowIndex].begin);
    time.append(button);
  }
  return row;
}

function fillRow(row, { begin, end, text }) {
  const [time, caption] = row.cells;
  const button = time.querySelector("button");
  (button ?? time).textContent = `${clock(begin)} – ${clock(end)}`;
  button?.setAttribute("aria-label", `Play ${button.textContent}`);
  caption.className = text ? "caption" : "silence";
  caption.textContent = text || "silence";
}

function playFrom(begin) {
  player.currentTime = begin;
  player.play();
}

function showPosition() {
  const time = player.currentTime;
  segments.forEach(({ begin, end }, index) => {
    table.rows[index]?.classList.toggle("now", player.currentTime > 0 && begin <= time && time < end);
  });
  draw();
}

function draw() {
  drawWaveform(element("waveform"), samples, player.hidden ? null : player.currentTime / player.duration);
}

function download(extension, type, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = `${name.replace(/\.[^.]*$/, "")}.${extension}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href));
}

file.onchange = () => {
  if (file.files.length) {
    captionFile(file.files[0]);
  }
  // So that the same file can be chosen again.
  file.value = "";
};
// The whole page takes files: beside the field, the browser would open the file in place of the page.
document.ondragover = (event) => {
  event.preventDefault();
  drop.classList.add("over");
};
document.ondragleave = (event) => {
  // Not on the way from one element of the page to another.
  if (!event.relatedTarget) {
    drop.classList.remove("over");
  }
};
document.ondrop = (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  if (event.dataTransfer.files.length) {
    captionFile(event.dataTransfer.files[0]);
  }
};
microphoneButton.onclick = () => (microphone ? stopListening() : listen());
windowChoice.onchange = async () => {
  if (!microphone && samples.length && !player.hidden) {
    const run = ++current;
    segments = [];
    error.hidden = true;
    captionAll(run, await loaded).catch(fail);
  }
};
player.ontimeupdate = showPosition;
window.onresize = draw;
element("srt").onclick = () => download("srt", "application/x-subrip", toSRT(segments));
element("vtt").onclick = () => download("vtt", "text/vtt", toVTT(segments));
start();
