import { decode, Microphone, SoundError } from "./audio.js";
import { Captioner } from "./captioner.js";
import { append, clock, toSRT, toVTT, windows } from "./timeline.js";
import { drawWaveform } from "./waveform.js";

const element = (id) => document.getElementById(id);
const [file, drop, microphoneButton, windowChoice, status, progress, error, result, caption, player, table, overTime] = [
  ...["file", "drop", "microphone", "window", "status", "progress", "error", "result", "caption", "player"],
  ...["segments", "over-time"],
].map(element);
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
  progress.value = total ? received / total : 0;
  status.textContent = `Loading the captioner: ${(received / 1e6).toFixed(1)} MB …`;
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
    progress.removeAttribute("value");
    setState("working", `Reading ${name} …`);
    const sound = await decode(chosen, about.sample_rate);
    if (run !== current) {
      return;
    }
    samples = sound;
    URL.revokeObjectURL(player.src);
    player.src = URL.createObjectURL(chosen);
    await captionAll(run, about);
  } catch (problem) {
    if (run === current) {
      fail(problem instanceof SoundError ? problem : new Error(`${name}: ${problem.message}`));
    }
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
    microphone = await Microphone.open(about.seconds);
    microphoneButton.setAttribute("aria-pressed", "true");
    microphoneButton.textContent = "Stop listening";
    result.hidden = false;
    setState("listening", "Listening to the microphone …");
    progress.removeAttribute("value");
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
  table.replaceChildren(
    ...segments.map(({ begin, end, text }) => {
      const row = document.createElement("tr");
      const time = `${clock(begin)} – ${clock(end)}`;
      if (player.hidden) {
        row.insertCell().textContent = time;
      } else {
        const button = document.createElement("button");
        button.type = "button";
        button.textContent = time;
        button.setAttribute("aria-label", `Play from ${clock(begin)}`);
        button.onclick = () => playFrom(begin);
        row.insertCell().append(button);
      }
      const cell = row.insertCell();
      cell.className = text ? "caption" : "silence";
      cell.textContent = text || "silence";
      return row;
    }),
  );
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
drop.ondragover = (event) => {
  event.preventDefault();
  drop.classList.add("over");
};
drop.ondragleave = () => drop.classList.remove("over");
drop.ondrop = (event) => {
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
    captionAll(run, await loaded).catch(fail);
  }
};
player.ontimeupdate = showPosition;
window.onresize = draw;
element("srt").onclick = () => download("srt", "application/x-subrip", toSRT(segments));
element("vtt").onclick = () => download("vtt", "text/vtt", toVTT(segments));
start();
