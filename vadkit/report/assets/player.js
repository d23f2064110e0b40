// The score curve of one video, linked to its pictures, its events and the cards.
const element = (id) => document.getElementById(id);
const state = { video: 0, frame: 0, playing: false, wanted: null };
const film = document.createElement("video"); // not shown itself: its parts are drawn on canvases
film.muted = true;
film.playsInline = true;
film.preload = "auto";

const pictured = () => data.player.videos.some((video) => video.strip !== null);
const current = () => data.player.videos[state.video];

// Index of the entry of a rising list that is nearest to a value.
function nearest(list, value) {
  let low = 0, high = list.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (list[middle] <= value) low = middle; else high = middle;
  }
  return Math.abs(list[high] - value) < Math.abs(list[low] - value) ? high : low;
}

function chooseVideo(index, frame) {
  pause();
  state.video = index;
  const video = current();
  element("video").value = String(index);
  element("video-note").textContent = video.note;
  element("previous-video").disabled = index === 0;
  element("next-video").disabled = index === data.player.videos.length - 1;
  const slider = element("position");
  slider.min = video.numbers[0];
  slider.max = video.numbers[video.numbers.length - 1];
  loadStrip(video);
  drawCurve();
  const highest = video.total.reduce((best, score, at) => (score > video.total[best] ? at : best), 0);
  showFrame(frame ?? video.numbers[highest]);
}

function loadStrip(video) {
  if (film.src) URL.revokeObjectURL(film.src);
  film.removeAttribute("src");
  const strip = video.strip;
  element("no-pictures").hidden = strip !== null || !pictured();
  element("play").disabled = strip === null;
  element("parts").replaceChildren(...(strip?.parts ?? []).map((part) => {
    const figure = document.createElement("figure"), canvas = document.createElement("canvas");
    const caption = document.createElement("figcaption");
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `${part} at the chosen frame`);
    caption.textContent = part;
    figure.append(canvas, caption);
    return figure;
  }));
  if (strip === null) return;
  film.src = URL.createObjectURL(new Blob([bytesOf(`strip-${state.video}`)], { type: "video/mp4" }));
  film.load();
}

function drawParts() {
  const canvases = element("parts").querySelectorAll("canvas");
  if (!film.videoWidth || film.readyState < 2) return;
  const width = Math.floor(film.videoWidth / canvases.length), height = film.videoHeight;
  canvases.forEach((canvas, place) => {
    if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; }
    canvas.getContext("2d").drawImage(film, place * width, 0, width, height, 0, 0, width, height);
  });
}

// Moves the film to a frame. If it is still moving, only the last request is kept.
function seek() {
  const strip = current().strip;
  if (strip === null || state.playing) return;
  const time = (nearest(strip.numbers, state.frame) + 0.5) / strip.fps;
  if (film.readyState < 1 || film.seeking) { state.wanted = time; return; }
  state.wanted = null;
  if (Math.abs(film.currentTime - time) > 1e-4) film.currentTime = time; else drawParts();
}

function onSeeked() {
  drawParts();
  element("parts").dataset.frame = String(state.frame);
  if (state.wanted !== null) seek();
}

function showFrame(frame) {
  const video = current(), numbers = video.numbers;
  state.frame = Math.min(Math.max(Math.round(frame), numbers[0]), numbers[numbers.length - 1]);
  element("position").value = String(state.frame);
  const score = video.total[nearest(numbers, state.frame)], threshold = data.player.threshold;
  const words = [`frame ${state.frame}`];
  if (video.seconds !== null) words.push(clock(secondsOf(video, state.frame)));
  words.push(`score ${Number(score.toPrecision(4))}`);
  if (threshold !== null) words.push(score >= threshold ? "at or above the threshold" : "below the threshold");
  if (video.abnormal !== null) words.push(isAbnormal(video, state.frame) ? "labelled abnormal" : "labelled normal");
  element("now").textContent = words.join(" · ");
  element("now").classList.toggle("over", threshold !== null && score >= threshold);
  if (window.Plotly && element("curve").data) {
    Plotly.relayout("curve", { "shapes[0].x0": state.frame, "shapes[0].x1": state.frame });
  }
  seek();
}

// The time of a frame. Between two frames of the curve, it is interpolated.
function secondsOf(video, frame) {
  const { numbers, seconds } = video, after = numbers.findIndex((number) => number >= frame);
  if (after <= 0 || numbers[after] === frame) return seconds[Math.max(after, 0)];
  const share = (frame - numbers[after - 1]) / (numbers[after] - numbers[after - 1]);
  return seconds[after - 1] + share * (seconds[after] - seconds[after - 1]);
}

const isAbnormal = (video, frame) => video.abnormal.some(([start, stop]) => start <= frame && frame < stop);

function clock(seconds) {
  const minutes = Math.floor(seconds / 60), rest = (seconds - 60 * minutes).toFixed(2).padStart(5, "0");
  return `${minutes}:${rest}`;
}

function drawCurve() {
  if (!window.Plotly) return;
  const video = current(), threshold = data.player.threshold, dim = css("--dim"), total = css("--total");
  const hover = { hovertemplate: "%{y:.4g}" };
  const parts = Object.entries(video.parts);
  const traces = (parts.length > 1 ? parts : []).map(([name, scores], index) => ({
    x: video.numbers, y: scores, name: plain(name), mode: "lines", line: { color: color(index), width: 1.2 },
    ...hover,
  }));
  traces.push({ x: video.numbers, y: video.total, name: "total", mode: "lines", line: { color: total, width: 2.2 }, ...hover });
  const shapes = [{ type: "line", x0: state.frame, x1: state.frame, y0: 0, y1: 1, yref: "paper",
    line: { color: css("--text"), width: 1.5 } }];
  if (threshold !== null) {
    shapes.push({ type: "line", x0: 0, x1: 1, xref: "paper", y0: threshold, y1: threshold, name: "threshold",
      showlegend: true, line: { color: dim, width: 1.5, dash: "dash" } });
  }
  (video.abnormal ?? []).forEach(([start, stop], index) => shapes.push({ type: "rect", x0: start - 0.5, x1: stop - 0.5,
    y0: 0, y1: 1, yref: "paper", fillcolor: css("--abnormal"), line: { width: 0 }, layer: "below",
    name: "abnormal (ground truth)", legendgroup: "truth", showlegend: index === 0 }));
  video.events.forEach(([start, , end], index) => shapes.push({ type: "rect", x0: start - 0.5, x1: end + 0.5, y0: 0.975,
    y1: 1, yref: "paper", fillcolor: css("--text"), line: { width: 0 }, name: "event", legendgroup: "event",
    showlegend: index === 0 }));
  const x = axis("frame", { range: [video.numbers[0] - 0.5, video.numbers[video.numbers.length - 1] + 0.5] });
  Plotly.react("curve", traces, layout({ hovermode: "x unified", shapes, showlegend: true, xaxis: x, yaxis: axis("score") }), CONFIG);
}

function play() {
  if (current().strip === null) return;
  if (film.ended || film.currentTime >= film.duration - 0.5 / current().strip.fps) film.currentTime = 0;
  film.play().then(() => {
    state.playing = true;
    element("play").textContent = "Pause";
    element("now").setAttribute("aria-live", "off"); // a screen reader would read every frame
    requestAnimationFrame(follow);
  }, () => pause());
}

function pause() {
  film.pause();
  state.playing = false;
  element("play").textContent = "Play";
  element("now").removeAttribute("aria-live");
}

function follow() {
  if (!state.playing) return;
  const strip = current().strip;
  drawParts();
  const frame = strip.numbers[Math.min(strip.numbers.length - 1, Math.floor(film.currentTime * strip.fps))];
  if (frame !== state.frame) showFrame(frame);
  if (film.ended) pause(); else requestAnimationFrame(follow);
}

function step(frames) {
  pause();
  showFrame(state.frame + frames);
}

// Moves to the peak of the next (1) or previous (-1) event. It can be in another video.
function jump(direction) {
  const videos = data.player.videos;
  for (let index = state.video; index >= 0 && index < videos.length; index += direction) {
    const peaks = videos[index].events.map(([, peak]) => peak);
    const left = index !== state.video ? peaks
      : peaks.filter((peak) => (direction > 0 ? peak > state.frame : peak < state.frame));
    if (!left.length) continue;
    const peak = direction > 0 ? left[0] : left[left.length - 1];
    if (index !== state.video) chooseVideo(index, peak); else { pause(); showFrame(peak); }
    return;
  }
}

function moveVideo(direction) {
  const index = state.video + direction;
  if (index >= 0 && index < data.player.videos.length) chooseVideo(index);
}

const KEYS = {
  ArrowLeft: (event) => step(event.shiftKey ? -10 : -1),
  ArrowRight: (event) => step(event.shiftKey ? 10 : 1),
  " ": () => (state.playing ? pause() : play()),
  n: () => jump(1),
  p: () => jump(-1),
  j: () => moveVideo(1),
  k: () => moveVideo(-1),
};

function onKey(event) {
  const at = event.target;
  if (event.ctrlKey || event.metaKey || event.altKey || at.closest("select, textarea, pre, .scroll")) return;
  if (event.key === " " && at.closest("button, summary, a")) return; // these react to the space bar themselves
  const action = KEYS[event.key];
  if (!action) return;
  event.preventDefault();
  action(event);
}

function onCard(event) {
  const card = event.target.closest("button.card");
  const index = card ? data.player.videos.findIndex((video) => video.name === card.dataset.video) : -1;
  if (index < 0) return;
  if (index !== state.video) chooseVideo(index, Number(card.dataset.frame));
  else { pause(); showFrame(Number(card.dataset.frame)); }
  element("player").scrollIntoView();
  element("position").focus({ preventScroll: true });
}

function startPlayer() {
  film.addEventListener("seeked", onSeeked);
  film.addEventListener("loadeddata", seek);
  element("video").addEventListener("change", (event) => chooseVideo(Number(event.target.value)));
  element("previous-video").addEventListener("click", () => moveVideo(-1));
  element("next-video").addEventListener("click", () => moveVideo(1));
  element("play").addEventListener("click", () => (state.playing ? pause() : play()));
  element("back").addEventListener("click", () => step(-1));
  element("forward").addEventListener("click", () => step(1));
  element("next-event").addEventListener("click", () => jump(1));
  element("previous-event").addEventListener("click", () => jump(-1));
  element("position").addEventListener("input", (event) => { pause(); showFrame(Number(event.target.value)); });
  document.addEventListener("keydown", onKey);
  document.addEventListener("click", onCard);
  const without = !data.player.videos.some((video) => video.events.length);
  element("next-event").disabled = element("previous-event").disabled = without;
  element("play").hidden = !pictured();
  chooseVideo(0);
}
