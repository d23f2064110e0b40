// Loads plotly.js, which the page contains compressed.
async function loadPlotly() {
  const stream = new Blob([bytesOf("plotly")]).stream().pipeThrough(new DecompressionStream("gzip"));
  const script = document.createElement("script");
  script.textContent = await new Response(stream).text();
  document.head.append(script);
  if (!window.Plotly) throw new Error("plotly.js did not start");
}

// The content of an element in base64, as bytes.
function bytesOf(id) {
  const text = atob(document.getElementById(id).textContent);
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
