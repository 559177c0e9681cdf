// SPDX-License-Identifier: Apache-2.0
"use strict";

// The token comes behind the # of the address, which no server and no Referer sees, and goes out
// of the address bar at once.
const key = "pillion-token";
if (location.hash.startsWith("#token=")) {
  sessionStorage.setItem(key, location.hash.slice("#token=".length));
  history.replaceState(null, "", location.pathname);
}
const token = sessionStorage.getItem(key) || "";
const $ = (id) => document.getElementById(id);
const every = 5000; // milliseconds between two views; the server watches the cluster meanwhile

let ended = false;

function warn(text) {
  $("ended").textContent = text;
  $("ended").hidden = text === "";
}

// A server that is gone is not asked again: another program may have its port.
function end(text) {
  ended = true;
  warn(text);
}

async function ask(path, options = {}) {
  let response;
  try {
    response = await fetch(path, { ...options, headers: { ...options.headers, Authorization: "Bearer " + token }, cache: "no-store" });
  } catch (error) {
    if (error.name !== "AbortError") {
      end("kubectl pillion dashboard has ended. Start it again, and open the address that it prints.");
    }
    return null;
  }
  const text = await response.text();
  if (response.status === 401) {
    sessionStorage.removeItem(key);
    end("Open the address that kubectl pillion dashboard printed, with the token in it.");
    return null;
  }
  warn(response.ok ? "" : text);
  return response.ok ? text : null;
}

// put replaces a part of the page if it has changed, and keeps what is open and where the focus is.
const shown = new Map();
function put(into, html) {
  if (shown.get(into) === html) {
    return;
  }
  shown.set(into, html);
  const open = [...into.querySelectorAll("details[open]")].map((d) => d.id);
  const focus = into.contains(document.activeElement) ? focusPath(document.activeElement) : null;
  into.innerHTML = html;
  for (const id of open) {
    const details = $(id);
    if (details) {
      details.open = true;
    }
  }
  if (focus) {
    (document.querySelector(focus) || into).focus();
  }
}

function focusPath(element) {
  const owner = element.closest("[id]");
  return "#" + CSS.escape(owner.id) + (owner === element ? "" : " " + element.localName);
}

async function look() {
  if (ended || document.hidden) {
    return;
  }
  const html = await ask("view");
  if (html === null) {
    return;
  }
  const next = new DOMParser().parseFromString(html, "text/html").getElementById("head");
  put($("view"), html.replace(/ data-time="[^"]*"/, ""));
  filter();
  if (next && $("summary").textContent !== next.dataset.summary) {
    $("summary").textContent = next.dataset.summary;
    document.title = next.dataset.summary + " – Pillion";
  }
  $("time").textContent = next ? "As of " + next.dataset.time : "";
}

function filter() {
  const words = $("words").value.toLowerCase().split(/\s+/).filter(Boolean);
  let rows = 0, visible = 0;
  for (const body of document.querySelectorAll("#pods > tbody[data-words]")) {
    const text = body.dataset.words.toLowerCase();
    body.hidden = $("bad").checked && body.dataset.well === "true" || !words.every((w) => text.includes(w));
    rows++;
    visible += body.hidden ? 0 : 1;
  }
  if ($("none")) {
    $("none").hidden = rows === 0 || visible > 0;
  }
}

let judging = new AbortController();
async function judge() {
  judging.abort();
  judging = new AbortController();
  const manifest = $("manifest").value;
  if (ended) {
    return;
  }
  if (manifest.trim() === "") {
    put($("verdict"), `<p class="small">Nothing to judge yet.</p>`);
    return;
  }
  const html = await ask("judge?namespace=" + encodeURIComponent($("namespace").value.trim()), {
    method: "POST", body: manifest, headers: { "Content-Type": "application/yaml" }, signal: judging.signal,
  });
  if (html !== null) {
    put($("verdict"), html);
  }
}

let typed = 0;
function soon() {
  clearTimeout(typed);
  typed = setTimeout(judge, 300);
}

$("filter").addEventListener("submit", (event) => event.preventDefault());
$("words").addEventListener("input", filter);
$("bad").addEventListener("change", filter);
$("manifest").addEventListener("input", soon);
$("namespace").addEventListener("input", soon);
document.addEventListener("visibilitychange", look);

if (token === "") {
  end("Open the address that kubectl pillion dashboard printed, with the token in it.");
} else {
  (async () => {
    while (!ended) {
      await look();
      await new Promise((done) => setTimeout(done, every));
    }
  })();
}
