// Shows what `aac_tf.page.view.describe` returns. Gradio provides `element`, `props`, `server` and `watch`.

const error = element.querySelector(".aac-error");
const spoken = element.querySelector(".aac-spoken");
const result = element.querySelector(".aac-result");
const player = makePlayer(element, (time) => timeline.follow(time));
const tracks = makeTracks(element, player);
const timeline = makeTimeline(element, player, {
  write: (request) => server.write_timeline(request),
  changed: (rows) => tracks.showRows(rows),
});

function showCaption(view) {
  const words = view.words.map((word) => {
    const button = make("button", { type: "button", className: "aac-word", textContent: word.text });
    button.title = `attends to ${word.interval.map((time) => time.toFixed(1)).join("–")} s`;
    button.addEventListener("pointerenter", () => tracks.light(word));
    button.addEventListener("pointerleave", () => tracks.light(null));
    button.addEventListener("focus", () => tracks.light(word));
    button.addEventListener("blur", () => tracks.light(null));
    button.addEventListener("click", () => {
      tracks.light(word);
      player.play(word.interval[0]);
    });
    return button;
  });
  // Blanks between the words, for those who copy the caption.
  element.querySelector(".aac-caption").replaceChildren(...words.flatMap((word) => [word, " "]));
}

function showConfidence(view) {
  const box = element.querySelector(".aac-confidence");
  box.replaceChildren();
  if (view.confidence === null) {
    return;
  }
  const percent = Math.round(view.confidence * 100);
  const bar = make("span", { className: "aac-bar" }, make("span", {}));
  bar.firstChild.style.width = `${percent}%`;
  box.classList.toggle("aac-unsure", view.unsure);
  box.append(
    make("span", { textContent: `${view.unsure ? "Unsure: confidence" : "Confidence"} ${percent} %` }),
    bar,
    ...(view.named_sounds.length < 2 ? [] : view.named_sounds).map((sound) =>
      make("span", { className: "aac-chip", textContent: `${sound.name} ${Math.round(sound.confidence * 100)} %` }),
    ),
  );
}

function showAlternatives(view) {
  const section = element.querySelector(".aac-others");
  section.hidden = view.captions.length < 2;
  const items = view.captions.map((one) => {
    const percent = Math.round(100 * one.word_probability);
    const bar = make("span", { className: "aac-bar" }, make("span", {}));
    bar.firstChild.style.width = `${percent}%`;
    const text = make("span", { textContent: one.caption });
    const note = make("small", { textContent: `${percent} % per word` });
    return make("li", {}, text, make("span", {}, bar, note));
  });
  section.querySelector("ol").replaceChildren(...items);
}

function show() {
  const view = props.value;
  player.silence();
  error.textContent = (view && view.error) || "";
  result.hidden = !view || Boolean(view.error);
  if (result.hidden) {
    spoken.textContent = "";
    return;
  }
  spoken.textContent = `Caption of ${view.name}: ${view.caption}`;
  const length = view.seconds < 60 ? `${view.seconds.toFixed(1)} s` : `${asClock(view.seconds).slice(0, -2)} min`;
  element.querySelector(".aac-file").textContent = `${view.name} · ${length}`;
  player.load(view.audio, view.seconds);
  showCaption(view);
  showConfidence(view);
  tracks.show(view);
  showAlternatives(view);
  timeline.show(view);
}

watch("value", show);
show();
