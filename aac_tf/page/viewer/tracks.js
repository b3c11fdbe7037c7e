// The tracks: waveform, spectrogram, sounds over time and timeline, one below the other on one time axis.

const [MIN_TEXT, MIN_EDGE] = [32, 6]; // pixels of a block that has room for text, and for an edge

function make(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  const { attributes = {}, ...others } = properties;
  Object.assign(node, others);
  for (const [name, value] of Object.entries(attributes)) {
    node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

function makeTracks(root, player) {
  const tracks = root.querySelector(".aac-tracks");
  let view = null;
  let word = null; // whose attention is drawn
  let rowsArea = null; // of the timeline
  let rowsShown = [];
  let canvases = []; // [canvas, function that draws it]

  function addTrack(name, kind, content, note = "") {
    const area = make("div", { className: `aac-track aac-${kind}` }, ...content);
    area.addEventListener("click", (event) => {
      const box = area.getBoundingClientRect();
      player.play(((event.clientX - box.left) / box.width) * view.seconds);
    });
    const label = make("div", { className: "aac-name" }, make("span", { textContent: name }));
    if (note) {
      label.append(make("span", { className: "aac-note", textContent: note }));
    }
    tracks.append(label, area);
    return area;
  }

  function addCanvas(draw, label) {
    const attributes = label ? { role: "img", "aria-label": label } : { "aria-hidden": "true" };
    const canvas = make("canvas", { attributes });
    canvases.push([canvas, draw]);
    return canvas;
  }

  function redraw() {
    const style = getComputedStyle(root);
    const colors = {
      ink: style.getPropertyValue("--aac-wave"),
      lit: style.getPropertyValue("--aac-lit"),
      sound: style.getPropertyValue("--aac-sound"),
    };
    for (const [canvas, draw] of canvases) {
      const scale = window.devicePixelRatio || 1;
      const [width, height] = [canvas.clientWidth, canvas.clientHeight];
      canvas.width = width * scale;
      canvas.height = height * scale;
      const context = canvas.getContext("2d");
      context.scale(scale, scale);
      draw(context, width, height, colors);
    }
  }

  function drawWaveform(context, width, height, colors) {
    const columns = view.waveform.length;
    for (let x = 0; x < width; x += 1) {
      const first = Math.floor((x / width) * columns);
      const last = Math.max(first + 1, Math.floor(((x + 1) / width) * columns));
      let [low, high] = [1, -1];
      for (const [lowest, highest] of view.waveform.slice(first, last)) {
        low = Math.min(low, lowest);
        high = Math.max(high, highest);
      }
      const lit = word ? valueAt(word.weights, word.edges, (x / width) * view.seconds) : 0;
      context.fillStyle = colors.ink;
      context.globalAlpha = word ? 0.25 : 1;
      const bar = [x, (0.5 - 0.46 * high) * height, 1, Math.max(1, 0.46 * (high - low) * height)];
      context.fillRect(...bar);
      if (lit) {
        context.globalAlpha = lit;
        context.fillStyle = colors.lit;
        context.fillRect(...bar);
      }
    }
  }

  function drawAttention(context, width, height) {
    if (!word) {
      return;
    }
    const { weights, edges } = word;
    weights.forEach((weight, index) => {
      const [from, to] = [edges[index], edges[index + 1]].map((time) => (time / view.seconds) * width);
      context.fillStyle = `rgba(0, 0, 0, ${0.78 * (1 - weight)})`;
      context.fillRect(from, 0, to - from, height);
    });
    context.beginPath();
    weights.forEach((weight, index) => {
      const y = (1 - 0.94 * weight) * height - 1;
      context.lineTo((edges[index] / view.seconds) * width, y);
      context.lineTo((edges[index + 1] / view.seconds) * width, y);
    });
    context.strokeStyle = "#fff";
    context.lineWidth = 1.5;
    context.stroke();
  }

  function drawScores({ scores, edges }) {
    return (context, width, height, colors) => {
      context.fillStyle = colors.sound;
      scores.forEach((score, index) => {
        const [from, to] = [edges[index], edges[index + 1]].map((time) => (time / view.seconds) * width);
        context.globalAlpha = 0.25 + 0.75 * score;
        context.fillRect(from, (1 - score) * height, to - from, score * height);
      });
    };
  }

  function addAxis() {
    const axis = make("div", { className: "aac-axis", attributes: { "aria-hidden": "true" } });
    const wanted = view.seconds / Math.max(2, Math.floor(tracks.clientWidth / 80));
    const step = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200].find((one) => one >= wanted) || 3600;
    for (let time = 0; time < 0.96 * view.seconds; time += step) {
      const text = step < 1 ? time.toFixed(1) : view.seconds < 60 ? `${time} s` : asClock(time).slice(0, -2);
      const tick = make("span", { textContent: text });
      tick.style.left = `${(time / view.seconds) * 100}%`;
      axis.append(tick);
    }
    tracks.append(make("div", { className: "aac-name aac-none" }), axis);
  }

  function showRows() {
    const width = rowsArea ? rowsArea.clientWidth : 0;
    const blocks = rowsShown.map((row) => {
      const room = ((row.end - row.begin) / view.seconds) * width;
      const block = make("div", { className: row.caption ? "aac-block" : "" });
      block.textContent = room < MIN_TEXT ? "" : row.caption;
      block.classList.toggle("aac-narrow", room < MIN_EDGE);
      block.classList.toggle("aac-doubtful", row.unsure);
      block.title = row.caption;
      block.style.left = `${(row.begin / view.seconds) * 100}%`;
      block.style.width = `${((row.end - row.begin) / view.seconds) * 100}%`;
      return block;
    });
    rowsArea?.replaceChildren(...blocks);
  }

  window.addEventListener("resize", () => {
    if (view) {
      redraw();
      showRows();
    }
  });

  return {
    show(next) {
      view = next;
      word = null;
      canvases = [];
      rowsArea = null;
      tracks.querySelectorAll(".aac-name, .aac-track, .aac-axis").forEach((node) => node.remove());
      addTrack("Waveform", "wave", [addCanvas(drawWaveform, "Waveform")]);
      const picture = make("img", { src: view.spectrogram, alt: "Spectrogram, as the model hears the sound" });
      addTrack("Spectrogram", "spectrogram", [picture, addCanvas(drawAttention)]);
      if (view.segments) {
        rowsArea = addTrack("Timeline", "rows", []);
      }
      for (const sound of view.sounds || []) {
        const label = `${sound.name} over time, at most ${sound.score.toFixed(2)}`;
        addTrack(sound.name, "sound", [addCanvas(drawScores(sound), label)], sound.score.toFixed(2));
      }
      addAxis();
      redraw();
    },
    showRows(rows) {
      rowsShown = rows;
      showRows();
    },
    light(next) {
      word = next;
      redraw();
    },
  };
}

function valueAt(values, edges, time) {
  let [low, high] = [0, values.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (edges[middle + 1] <= time) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return values[low];
}
