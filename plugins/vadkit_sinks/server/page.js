"use strict";

const EVERY = 400; // milliseconds between two requests
const BIN = 0.5; // seconds in one point of the strip
const GAP = 2; // seconds without a score that interrupt the curve
const byId = (id) => document.getElementById(id);
const picture = byId("picture");
const strip = byId("strip");
const thumbnails = new Map(); // number of an alarm -> its entry in the list

let shown = null; // the last answer of the server
let loading = false;

function number(value, digits = 3) {
  return typeof value === "number" ? Number(value.toPrecision(digits)).toString() : "–";
}

function clock(seconds) {
  const part = (value) => String(Math.floor(value)).padStart(2, "0");
  return `${part(seconds / 3600)}:${part((seconds / 60) % 60)}:${part(seconds % 60)}`;
}

function when(state, seconds) {
  if (!state.began) return clock(seconds);
  const time = new Date(Date.parse(state.began) + 1000 * seconds);
  return time.toLocaleString([], { dateStyle: "short", timeStyle: "medium" });
}

function setText(id, text) {
  const element = byId(id);
  if (element.textContent !== text) element.textContent = text;
}

function showState(state) {
  let [text, kind] = ["normal", "good"];
  if (state.state && !["connected", "normal"].includes(state.state)) {
    [text, kind] = [`source: ${state.state.replace("_", " ")}${state.detail ? `, ${state.detail}` : ""}`, "warn"];
  } else if (state.problem) [text, kind] = [state.problem, "warn"];
  if (state.active) [text, kind] = [kind === "warn" ? `Alarm; ${text}` : "Alarm", "alarm"];
  setText("state", text);
  byId("state").className = kind;
  document.body.classList.toggle("alarm-now", Boolean(state.active));
  document.title = state.active ? "Alarm – vadkit watch" : "vadkit watch";
}

function showNumbers(state) {
  setText("source", state.source);
  setText("score", number(state.score));
  setText("threshold", number(state.threshold));
  setText("fps", number(state.fps));
  setText("lost", String(state.frames_lost));
  setText("time", state.seconds === undefined ? "" : when(state, state.seconds));
}

function showPicture(state) {
  byId("empty").hidden = Boolean(state.picture);
  byId("heat").disabled = state.maps === false;
  if (!state.picture || loading) return;
  const heat = byId("heat").checked && state.maps ? 1 : 0;
  const next = new Image();
  loading = true;
  next.onload = () => {
    picture.src = next.src;
    picture.hidden = false;
    loading = false;
  };
  next.onerror = () => { loading = false; };
  next.src = `/picture.jpg?frame=${state.frame}&heat_map=${heat}`;
}

function drawStrip(state) {
  const scale = window.devicePixelRatio || 1;
  const [width, height] = [strip.clientWidth, strip.clientHeight];
  strip.width = Math.round(width * scale);
  strip.height = Math.round(height * scale);
  const draw = strip.getContext("2d");
  draw.scale(scale, scale);
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`);
  const points = state.points;
  const end = points.length ? points[points.length - 1][0] : 0;
  const begin = Math.max(end - state.strip, points.length ? points[0][0] : 0);
  const values = points.map((point) => point[1]).concat(state.threshold);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const margin = 0.08 * (high - low || 1);
  const x = (seconds) => ((seconds - begin) / Math.max(end - begin, 10)) * width;
  const y = (score) => (height - 18) * (1 - (score - low + margin) / (high - low + 2 * margin)) + 2;

  draw.fillStyle = color("alarm-paper");
  for (const [seconds, , active] of points) {
    const left = Math.floor(x(seconds));
    if (active) draw.fillRect(left, 0, Math.max(Math.floor(x(seconds + BIN)) - left, 1), height - 16);
  }
  draw.strokeStyle = color("alarm");
  draw.setLineDash([4, 4]);
  draw.beginPath();
  draw.moveTo(0, y(state.threshold));
  draw.lineTo(width, y(state.threshold));
  draw.stroke();
  draw.setLineDash([]);
  draw.strokeStyle = color("score");
  draw.lineWidth = 1.5;
  draw.beginPath();
  points.forEach(([seconds, score], index) => {
    const joined = index && seconds - points[index - 1][0] <= GAP;
    draw[joined ? "lineTo" : "moveTo"](x(seconds), y(score));
  });
  draw.stroke();
  draw.fillStyle = color("quiet");
  draw.font = "12px system-ui, sans-serif";
  draw.textBaseline = "bottom";
  draw.fillText(clock(begin), 0, height);
  draw.textAlign = "right";
  if (points.length) draw.fillText(clock(end), width, height);
}

function entry(alarm) {
  const item = document.createElement("li");
  const image = document.createElement("img");
  image.alt = `Frame of alarm ${alarm.number}`;
  image.onerror = () => image.remove();
  const text = document.createElement("div");
  for (const name of ["when", "more"]) {
    const line = document.createElement("p");
    line.className = name;
    text.append(line);
  }
  item.append(image, text);
  return item;
}

function showAlarms(state) {
  byId("none").hidden = state.alarms.length > 0;
  const total = state.alarms.length ? state.alarms[0].number : 0;
  setText("count", total ? `${total}` : "");
  const list = byId("alarms");
  const present = new Set(state.alarms.map((alarm) => alarm.number));
  for (const [known, item] of thumbnails) if (!present.has(known)) { item.remove(); thumbnails.delete(known); }
  for (const alarm of [...state.alarms].reverse()) {
    let item = thumbnails.get(alarm.number);
    if (!item) {
      item = entry(alarm);
      thumbnails.set(alarm.number, item);
      list.prepend(item);
    }
    const version = `${alarm.event} ${alarm.peak_frame}`;
    if (item.dataset.version === version) continue;
    item.dataset.version = version;
    item.classList.toggle("open", alarm.event === "begin");
    const lasted = alarm.until === null ? "still active" : `${(alarm.until - alarm.seconds).toFixed(1)} s`;
    item.querySelector(".when").textContent = when(state, alarm.seconds);
    item.querySelector(".more").textContent = `${lasted}, highest score ${number(alarm.peak)}`;
    const image = item.querySelector("img");
    if (image) image.src = `/alarms/${alarm.number}.jpg?event=${alarm.event}&peak=${alarm.peak_frame}`;
  }
}

function show(state) {
  shown = state;
  showState(state);
  showNumbers(state);
  showPicture(state);
  drawStrip(state);
  showAlarms(state);
}

async function update() {
  try {
    const answer = await fetch("/state.json");
    if (!answer.ok) throw new Error(`the server answers with status ${answer.status}`);
    show(await answer.json());
  } catch (error) {
    setText("state", "no connection to vadkit");
    byId("state").className = "warn";
  }
  setTimeout(update, document.hidden ? 5 * EVERY : EVERY);
}

byId("heat").addEventListener("change", () => shown && showPicture(shown));
window.addEventListener("resize", () => shown && drawStrip(shown));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => shown && drawStrip(shown));
update();
