// Starts the page: colours, player, charts.
const data = JSON.parse(document.getElementById("data").textContent);
const dark = window.matchMedia("(prefers-color-scheme: dark)");

function redraw() {
  if (!window.Plotly) return;
  drawCharts();
  if (data.player) drawCurve();
}

function changeTheme() {
  document.documentElement.dataset.theme = isDark() ? "light" : "dark";
  redraw();
}

document.getElementById("theme").addEventListener("click", changeTheme);
dark.addEventListener("change", redraw);
if (data.player) startPlayer();
loadPlotly().then(() => {
  drawCharts();
  if (!data.player) return;
  drawCurve();
  document.getElementById("curve").on("plotly_click", (event) => { pause(); showFrame(event.points[0].x); });
}).catch((error) => {
  const failed = document.getElementById("failed");
  failed.textContent = `The charts cannot be drawn: ${error.message}. Use a newer browser.`;
  failed.hidden = false;
}).finally(() => { document.documentElement.dataset.ready = "yes"; });
