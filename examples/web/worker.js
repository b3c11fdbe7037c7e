// Runs the captioner apart from the page, so that the page stays responsive. A classic worker: LiteRT.js loads its
// WebAssembly with `importScripts`, which module workers lack.
"use strict";

const RUNTIME = new URL("runtime/", self.location).href;
let captioner;

self.onmessage = async ({ data }) => {
  try {
    captioner ??= load();
    const { about, run } = await captioner;
    self.postMessage({ id: data.id, found: data.samples ? await run(data.samples) : about });
  } catch (error) {
    self.postMessage({ id: data.id, error: error.message ?? String(error) });
  }
};

async function load() {
  const { loadLiteRt, loadAndCompile, supportsFeature, Tensor } = await import(`${RUNTIME}litert.js`);
  const { supported } = await supportsFeature("relaxedSimd");
  const name = supported ? "litert_wasm_internal" : "litert_wasm_compat_internal";
  const progress = makeProgress(2);
  const [about, wasm, model] = await Promise.all([
    fetched("model/model.json").then((response) => response.json()),
    download(`runtime/${name}.wasm.gz`, progress),
    download("model/captioner.tflite.gz", progress),
  ]);
  self.Module = { wasmBinary: wasm };
  await loadLiteRt(`${RUNTIME}${name}.js`);
  const compiled = await loadAndCompile(new Uint8Array(model), { accelerator: "wasm" });
  return { about, run: (samples) => caption(compiled, Tensor, about, samples) };
}

async function caption(model, Tensor, about, samples) {
  const began = performance.now();
  const waveform = new Float32Array(about.seconds * about.sample_rate);
  const length = Math.min(samples.length, waveform.length);
  waveform.set(samples.subarray(0, length));
  const inputs = {
    waveform: new Tensor(waveform, [waveform.length]),
    length: new Tensor(Int32Array.of(length), [1]),
  };
  const outputs = await model.run(inputs);
  const tokens = Array.from(outputs.tokens.toTypedArray());
  const status = outputs.status.toTypedArray()[0];
  // LiteRT.js does not free tensors by itself.
  for (const tensor of [...Object.values(inputs), ...Object.values(outputs)]) {
    tensor.delete();
  }
  const words = tokens.slice(0, tokens.indexOf(about.end_id)).map((token) => about.words[token]);
  return { text: words.join(" "), reason: about.status[status], milliseconds: performance.now() - began };
}

async function fetched(path) {
  const response = await fetch(path);
  if (!response.ok) {
    throw new Error(`${path}: the server answered ${response.status}`);
  }
  return response;
}

// Downloads a file compressed by build_page.py, which needs no server that compresses.
async function download(path, progress) {
  const response = await fetched(path);
  const total = Number(response.headers.get("Content-Length"));
  const parts = [];
  let received = 0;
  for (const reader = response.body.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) {
      break;
    }
    parts.push(value);
    received += value.length;
    progress(path, received, total);
  }
  const content = new Blob(parts);
  const [first, second] = new Uint8Array(await content.slice(0, 2).arrayBuffer());
  // Some servers declare `.gz` files as compressed in transfer, so that the browser has decompressed them already.
  const compressed = first === 0x1f && second === 0x8b;
  const stream = compressed ? content.stream().pipeThrough(new DecompressionStream("gzip")) : content.stream();
  return new Response(stream).arrayBuffer();
}

function makeProgress(files) {
  const known = new Map();
  return (path, received, total) => {
    known.set(path, { received, total });
    const all = [...known.values()];
    const sum = (name) => all.reduce((before, file) => before + file[name], 0);
    // Unknown until both downloads have begun.
    const complete = all.length === files && all.every((file) => file.total > 0);
    self.postMessage({ received: sum("received"), total: complete ? sum("total") : null });
  };
}
