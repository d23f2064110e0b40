// Draws the charts of the page's data with plotly.js.
const COLORS = { light: ["#0072B2", "#00805d", "#b8548c", "#a86f00", "#3b8fc4", "#7a5c24", "#6f6f6f"],
  dark: ["#56B4E9", "#2fd6a5", "#e79ac5", "#f0b93a", "#9ad1f2", "#c9ab75", "#b5b5b5"] };
const CONFIG = { displaylogo: false, responsive: true, modeBarButtonsToRemove: ["lasso2d", "select2d", "autoScale2d"] };

// plotly.js reads some HTML tags in texts; this shows them as they are.
function plain(text) {
  return String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}

function isDark() {
  return (document.documentElement.dataset.theme ?? (dark.matches ? "dark" : "light")) === "dark";
}

// The colour of a curve or a dot, by its place.
function color(index) {
  const colors = COLORS[isDark() ? "dark" : "light"];
  return colors[index % colors.length];
}

function css(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function axis(title, more) {
  return { title: { text: plain(title), standoff: 8 }, gridcolor: css("--line"), zerolinecolor: css("--line"),
    automargin: true, ...more };
}

function layout(more) {
  const touch = window.matchMedia("(pointer: coarse)").matches; // a drag scrolls the page there
  return {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", dragmode: touch ? false : "zoom",
    font: { color: css("--text"), size: 13 }, margin: { l: 48, r: 12, t: 10, b: 40 },
    legend: { orientation: "h", yref: "container", y: 0, yanchor: "bottom", x: 0, font: { size: 12 } },
    hoverlabel: { bgcolor: css("--panel"), font: { color: css("--text") } }, ...more,
  };
}

const DRAWN = {
  lines(chart) {
    const traces = chart.lines.map((line, index) => ({
      x: line.x, y: line.y, name: plain(line.name), mode: "lines", hovertemplate: "%{x:.1f}, %{y:.1f}",
      line: { color: index ? color(index - 1) : css("--total"), width: index ? 1.5 : 2.5 },
    }));
    const range = chart.square ? { range: [0, 100.5] } : {};
    if (chart.square) {
      traces.push({ x: [0, 100], y: [0, 100], name: "random scorer", mode: "lines", hoverinfo: "skip",
        line: { color: css("--dim"), width: 1, dash: "dot" } });
    }
    return [traces, layout({ xaxis: axis(chart.x, range), yaxis: axis(chart.y, range) })];
  },

  histogram(chart) {
    const colors = { normal: color(0), abnormal: css("--total") };
    const middles = chart.edges.slice(1).map((edge, index) => (edge + chart.edges[index]) / 2);
    const widths = chart.edges.slice(1).map((edge, index) => edge - chart.edges[index]);
    const traces = Object.entries(chart.shares).map(([name, shares]) => ({
      type: "bar", x: middles, y: shares, width: widths, name: plain(name), opacity: 0.6,
      marker: { color: colors[name.split(" ")[0]] ?? css("--dim") }, hovertemplate: "%{x:.4g}: %{y:.1f} %",
    }));
    const line = { color: css("--text"), width: 1.5, dash: "dash" };
    const shapes = chart.threshold === null ? [] : [{ type: "line", x0: chart.threshold, x1: chart.threshold, y0: 0, y1: 1,
      yref: "paper", name: "threshold", showlegend: true, line }];
    const more = { barmode: "overlay", bargap: 0, shapes, showlegend: true };
    return [traces, layout({ ...more, xaxis: axis("score"), yaxis: axis("share of the class (%)") })];
  },

  dots(chart) {
    const labels = chart.labels.map(plain);
    const traces = chart.points.map((points, index) => {
      const plus = points.values.map((value, place) => (points.high[place] ?? value) - value);
      const minus = points.values.map((value, place) => value - (points.low[place] ?? value));
      const error = points.high.length ? { error_x: { type: "data", array: plus, arrayminus: minus, thickness: 1.5 } } : {};
      return { x: points.values, y: labels, name: plain(points.name), mode: "markers", type: "scatter",
        marker: { size: 9, symbol: index % 8, color: color(index) }, hovertemplate: "%{x:.2f}", ...error };
    });
    const y = { type: "category", autorange: "reversed", automargin: true, gridcolor: css("--line") };
    return [traces, layout({ height: 120 + 30 * labels.length + 18 * traces.length, xaxis: axis(chart.x), yaxis: y })];
  },
};

function drawCharts() {
  for (const [id, chart] of Object.entries(data.charts)) {
    const [traces, shown] = DRAWN[chart.kind](chart);
    Plotly.react(id, traces, shown, CONFIG);
  }
}
