// Plays the sound, and keeps the button, the slider and the cursor at its position.

function makePlayer(root, moved) {
  const audio = root.querySelector("audio");
  const button = root.querySelector(".aac-play");
  const slider = root.querySelector(".aac-seek");
  const clock = root.querySelector(".aac-clock");
  const cursor = root.querySelector(".aac-cursor");
  let seconds = 0;
  let stop = Infinity; // where to pause, in seconds

  function show() {
    const now = Math.min(audio.currentTime, seconds);
    slider.value = now;
    slider.setAttribute("aria-valuetext", `${now.toFixed(1)} of ${seconds.toFixed(1)} seconds`);
    clock.textContent = `${asClock(now)} / ${asClock(seconds)}`;
    cursor.style.setProperty("--at", seconds ? now / seconds : 0);
    const playing = !audio.paused;
    button.textContent = playing ? "❚❚" : "▶";
    button.setAttribute("aria-label", playing ? "Pause" : "Play");
    moved(playing || now > 0 ? now : null);
  }

  function follow() {
    if (audio.currentTime >= stop) {
      audio.pause();
    }
    show();
    if (!audio.paused) {
      requestAnimationFrame(follow);
    }
  }

  function play(from, to = Infinity) {
    stop = to;
    audio.currentTime = from;
    audio.play().catch(() => {}); // interrupted by the next sound
  }

  audio.addEventListener("play", follow);
  for (const event of ["pause", "seeked", "ended"]) {
    audio.addEventListener(event, show);
  }
  button.addEventListener("click", () => {
    if (audio.paused) {
      play(audio.ended ? 0 : audio.currentTime);
    } else {
      audio.pause();
    }
  });
  slider.addEventListener("input", () => {
    stop = Infinity;
    audio.currentTime = Number(slider.value);
    show();
  });

  return {
    play,
    load(source, length) {
      seconds = length;
      slider.max = length;
      audio.src = source;
      show();
    },
    silence() {
      audio.pause();
    },
  };
}

function asClock(seconds) {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}.${Math.floor((seconds - whole) * 10)}`;
}
