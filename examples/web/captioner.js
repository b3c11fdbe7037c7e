// The captioner in its worker, for the page.

export class Captioner {
  #worker = new Worker(new URL("worker.js", import.meta.url));
  #waiting = new Map();
  #next = 0;

  /** @param {(received: number, total: number | null) => void} onProgress Called with the bytes downloaded. */
  constructor(onProgress) {
    this.#worker.onmessage = ({ data }) => {
      if (data.id === undefined) {
        onProgress(data.received, data.total);
        return;
      }
      const { resolve, reject } = this.#waiting.get(data.id);
      this.#waiting.delete(data.id);
      data.error === undefined ? resolve(data.found) : reject(new Error(data.error));
    };
    this.#worker.onerror = (event) => {
      for (const { reject } of this.#waiting.values()) {
        reject(new Error(event.message || "the captioner could not be started"));
      }
      this.#waiting.clear();
    };
  }

  /** Downloads and compiles the model; resolves to the content of `model.json`. */
  load() {
    return this.#ask({});
  }

  /**
   * Captions a clip.
   * @param {Float32Array} samples At the model's sample rate; what exceeds the model's duration is ignored.
   * @returns {Promise<{text: string, reason: string, milliseconds: number}>} `reason` says why there is no caption.
   */
  caption(samples) {
    return this.#ask({ samples });
  }

  #ask(message) {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ id, ...message });
    });
  }
}
