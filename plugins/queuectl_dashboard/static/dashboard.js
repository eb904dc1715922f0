// Keeps a page up to date: follows the server's stream, asks for the page anew when something changed, and puts what
// differs in the place of what is shown. Focus, selection, what is chosen, opened or scrolled to stays as it is.

const body = document.body;
const live = document.getElementById("live");
const REGION = "[data-live]";
const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 10_000;
const LOOK_AGAIN = 2_000;
const FIRST_WORD = 5_000; // until then a stream has said hello, or somebody between holds it back
const SILENCE = 25_000; // the server says every ten seconds that it lives
const ANSWER = 10_000;

// --- Putting a new page in the place of the old one -----------------------------------------------------------------

function sameKind(old, next) {
  return old.nodeType === next.nodeType && old.nodeName === next.nodeName && keyOf(old) === keyOf(next);
}

function keyOf(node) {
  if (node.nodeType !== Node.ELEMENT_NODE) return null;
  return node.id || node.querySelector?.(":scope > .pick > input")?.value || null;
}

function morphAttributes(old, next) {
  for (const { name } of [...old.attributes]) {
    const kept = name === "open" || (name === "class" && old.classList.contains("here"));
    if (!kept && !next.hasAttribute(name)) old.removeAttribute(name);
  }
  for (const { name, value } of next.attributes) {
    if (name === "class" && old.classList.contains("here")) {
      old.className = `${value} here`;
    } else if (old.getAttribute(name) !== value) {
      old.setAttribute(name, value);
    }
  }
}

function isTyped(node) {
  return node === document.activeElement && ["INPUT", "TEXTAREA", "SELECT"].includes(node.nodeName);
}

function morph(old, next) {
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.nodeValue !== next.nodeValue) old.nodeValue = next.nodeValue;
    return;
  }
  if (isTyped(old) || old.isEqualNode(next)) return;
  const atEnd = old.hasAttribute("data-follow") && old.scrollTop + old.clientHeight >= old.scrollHeight - 4;
  morphAttributes(old, next);
  morphChildren(old, next);
  if (atEnd) old.scrollTop = old.scrollHeight;
}

function morphChildren(old, next) {
  const keyed = new Map([...old.children].filter(keyOf).map((child) => [keyOf(child), child]));
  let place = old.firstChild;
  for (const wanted of [...next.childNodes]) {
    const key = keyOf(wanted);
    let found = key === null ? place : keyed.get(key);
    if (found && sameKind(found, wanted) && (key !== null || keyOf(found) === null)) {
      if (found === place) place = place.nextSibling;
      else old.insertBefore(found, place);
      morph(found, wanted);
    } else {
      old.insertBefore(document.importNode(wanted, true), place);
    }
  }
  while (place) {
    const rest = place.nextSibling;
    place.remove();
    place = rest;
  }
}

function selectionWithin() {
  const selected = getSelection();
  return selected && !selected.isCollapsed && selected.rangeCount ? selected.getRangeAt(0) : null;
}

function show(page) {
  const selected = selectionWithin();
  for (const region of document.querySelectorAll(REGION)) {
    const next = page.getElementById(region.id);
    // What somebody marks to copy must not change under the mark.
    if (next && !(selected && selected.intersectsNode(region))) morph(region, next);
  }
  document.title = page.title;
  body.dataset.watched = page.body.dataset.watched;
  tellSummary(page);
  writeTimes();
  countChosen();
}

function tellSummary(page) {
  const summary = document.getElementById("summary");
  const alerts = page.querySelectorAll(".alert").length;
  const text = page.querySelector("#attention") ? (alerts ? `${alerts} things need attention` : "All is well") : "";
  if (summary.textContent !== text) summary.textContent = text;
}

// --- Following the server -------------------------------------------------------------------------------------------

let stream = null;
let asking = null;
let again = false;
let pause = FIRST_PAUSE;
let timer = 0;
let watchdog = 0;
let paused = false;
let lostSince = null;
let unreadSince = null;

function say(state, words) {
  if (live.dataset.state !== state) live.dataset.state = state;
  const shown = live.querySelector(".words");
  if (shown.textContent !== words) shown.textContent = words;
}

function clockTime(date) {
  return date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
}

// Asks for the page anew; whether it was had.
async function refresh() {
  if (asking) {
    again = true;
    return false;
  }
  asking = new AbortController();
  const signal = AbortSignal.any([asking.signal, AbortSignal.timeout(ANSWER)]);
  try {
    const answer = await fetch(location.href, { signal, headers: { accept: "text/html" } });
    if (answer.status === 401 || (answer.status === 404 && body.dataset.job)) {
      location.reload(); // signed out, or the job that was shown is gone
    } else if (answer.status >= 500) {
      unreadable();
    } else if (answer.ok && !paused) {
      const text = await answer.text();
      if (unreadSince !== null) say("live", "Live");
      unreadSince = null;
      show(new DOMParser().parseFromString(text, "text/html"));
      return true;
    }
  } catch {
    // The stream notices a lost server too, and comes back by itself.
  } finally {
    asking = null;
    if (again) {
      again = false;
      refresh();
    }
  }
  return false;
}

function unreadable() {
  unreadSince ??= new Date();
  say("lost", `Stale since ${clockTime(unreadSince)}: the store cannot be read`);
  clearTimeout(timer);
  timer = setTimeout(refresh, LOOK_AGAIN);
}

function follow() {
  clearTimeout(timer);
  stream?.close();
  const job = body.dataset.job;
  stream = new EventSource(job ? `/stream?job=${encodeURIComponent(job)}` : "/stream");
  listen(FIRST_WORD);
  for (const name of ["hello", "change", "alive"]) stream.addEventListener(name, () => listen(SILENCE));
  stream.addEventListener("hello", (event) => {
    // What changed since the page was written, and before anybody listened, nobody tells any more.
    const missed = lostSince !== null || JSON.parse(event.data).version !== Number(body.dataset.watched);
    lostSince = null;
    pause = FIRST_PAUSE;
    say("live", "Live");
    if (missed) refresh();
  });
  stream.addEventListener("change", refresh);
  stream.addEventListener("closing", lost);
  stream.addEventListener("error", lose);
}

// A line that is dead says nothing of it: whoever hears nothing for long has lost the server.
function listen(within) {
  clearTimeout(watchdog);
  watchdog = setTimeout(lose, within);
}

function lost() {
  clearTimeout(watchdog);
  stream.close();
  lostSince ??= new Date();
  if (live.dataset.state !== "polled") sayLost();
  clearTimeout(timer);
  timer = setTimeout(follow, pause * (0.75 + Math.random() / 2));
  pause = Math.min(pause * 2, LONGEST_PAUSE);
}

// Without its stream a page can still ask, where a proxy holds streams back.
async function lose() {
  lost();
  const had = await refresh();
  if (lostSince === null || paused || document.hidden) return;
  if (had) lostSince = new Date();
  if (had) say("polled", "Looks every few seconds");
  else if (unreadSince === null) sayLost();
}

function sayLost() {
  say("lost", `Stale since ${clockTime(lostSince)}: no server. This page tries again by itself.`);
}

function stop(words) {
  clearTimeout(watchdog);
  clearTimeout(timer);
  stream?.close();
  asking?.abort();
  say("paused", words);
}

function togglePause() {
  paused = !paused;
  if (paused) {
    stop(`Paused at ${clockTime(new Date())}`);
  } else {
    lostSince = new Date();
    follow();
  }
}

document.addEventListener("visibilitychange", () => {
  if (paused) return;
  if (document.hidden) {
    stop("Paused while hidden");
  } else {
    lostSince = new Date();
    follow();
  }
});

// --- Times -----------------------------------------------------------------------------------------------------------

const UNITS = [[86_400, "d"], [3600, "h"], [60, "m"], [1, "s"]];

function distance(moment, now) {
  const away = Math.abs(moment - now);
  if (away >= 30 * 86_400) return new Date(moment * 1000).toISOString().slice(0, 10);
  const [unit, name] = UNITS.find(([unit]) => away >= unit) ?? [1, "s"];
  const text = `${Math.floor(away / unit)}${name}`;
  return moment > now + 0.5 ? `in ${text}` : `${text} ago`;
}

function writeTimes() {
  const now = Date.now() / 1000;
  for (const time of document.querySelectorAll("time[datetime]")) {
    const moment = Date.parse(time.dateTime) / 1000;
    const text = Number.isNaN(moment) ? time.textContent : distance(moment, now);
    if (time.firstChild && time.textContent !== text) time.firstChild.nodeValue = text;
    if (!time.dataset.local && !Number.isNaN(moment)) {
      time.dataset.local = "yes";
      time.title = `${new Date(moment * 1000).toLocaleString()} (${time.dateTime})`;
    }
  }
}

// --- Theme -----------------------------------------------------------------------------------------------------------

const THEMES = { "": "as the system has it", light: "light", dark: "dark" };
const theme = document.getElementById("theme");

function showTheme() {
  theme.setAttribute("aria-label", `Theme: ${THEMES[document.documentElement.dataset.theme ?? ""]}`);
  theme.title = theme.getAttribute("aria-label");
}

function nextTheme() {
  const names = Object.keys(THEMES);
  const name = names[(names.indexOf(document.documentElement.dataset.theme ?? "") + 1) % names.length];
  if (name) document.documentElement.dataset.theme = name;
  else delete document.documentElement.dataset.theme;
  document.cookie = `theme=${name}; path=/; samesite=strict; max-age=${name ? 31_536_000 : 0}`;
  showTheme();
}

// --- Keys ------------------------------------------------------------------------------------------------------------

const PLACES = { o: "/", j: "/jobs", q: "/queues", w: "/workers", d: "/dlq", e: "/events" };
let before = "";

function rows() {
  return [...document.querySelectorAll("[data-row]")];
}

function here() {
  return document.querySelector(".here");
}

function move(step) {
  const all = rows();
  if (!all.length) return;
  const now = here() ? all.indexOf(here()) : -1;
  const next = all[Math.max(0, Math.min(all.length - 1, now < 0 ? 0 : now + step))];
  here()?.classList.remove("here");
  next.classList.add("here");
  next.querySelector("a")?.focus();
  next.scrollIntoView({ block: "nearest" });
}

function choose() {
  here()?.querySelector("input[type=checkbox]")?.click();
}

async function copy() {
  const button = document.querySelector("[data-copy]");
  if (!button || !navigator.clipboard) return;
  await navigator.clipboard.writeText(button.dataset.copy);
  document.getElementById("summary").textContent = "Copied";
  button.classList.add("copied");
  setTimeout(() => button.classList.remove("copied"), 1500);
}

function press(verb) {
  const label = new RegExp(`^${verb}\\b`, "i");
  const fits = (button) => label.test(button.textContent.trim()) && !button.disabled;
  const chosen = document.querySelector(`[data-needs-choice][value="${verb}"]`);
  const within = (place) => [...(place?.querySelectorAll("button") ?? [])].find(fits);
  const button =
    chosen && !chosen.disabled
      ? chosen
      : (within(here()) ?? within(document.querySelector(".question")) ?? within(document.getElementById("does")));
  if (button) button.click();
  else if (here()?.querySelector("input[type=checkbox]") && chosen) {
    choose();
    chosen.click();
  }
}

const KEYS = {
  "/": () => document.querySelector(".search input").focus(),
  "?": () => location.assign("/keys"),
  j: () => move(1),
  k: () => move(-1),
  x: choose,
  X: () => document.getElementById("choose-all")?.click(),
  y: copy,
  R: () => press("retry"),
  c: () => press("cancel"),
  p: togglePause,
  t: nextTheme,
};

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const typing = event.target.closest?.("textarea, select, input:not([type=checkbox])");
  if (event.key === "Escape") {
    if (typing) typing.blur();
    else document.querySelector("[data-escape]")?.click();
    return;
  }
  if (typing) return;
  const last = before;
  before = event.key;
  let does = KEYS[event.key];
  if (last === "g" && PLACES[event.key]) {
    does = () => location.assign(PLACES[event.key]);
    before = "";
  } else if (/^[1-9]$/.test(event.key)) {
    const alert = document.querySelectorAll(".alert")[Number(event.key) - 1];
    const button = alert?.querySelector("button") ?? alert?.querySelector("a");
    does = button ? () => button.click() : null;
  }
  if (does) {
    event.preventDefault();
    does();
  }
}

// --- Choosing --------------------------------------------------------------------------------------------------------

function onChoice(event) {
  if (event.target.id === "choose-all") {
    for (const box of document.querySelectorAll("tbody .pick input")) box.checked = event.target.checked;
  }
  countChosen();
}

function countChosen() {
  const boxes = document.querySelectorAll("tbody .pick input");
  const chosen = [...boxes].filter((box) => box.checked).length;
  const all = document.getElementById("choose-all");
  if (all) {
    all.checked = chosen > 0 && chosen === boxes.length;
    all.indeterminate = chosen > 0 && chosen < boxes.length;
  }
  for (const button of document.querySelectorAll("[data-needs-choice]")) {
    button.disabled = chosen === 0;
    button.dataset.label ??= button.textContent;
    button.textContent = chosen ? `${button.dataset.label} ${chosen}` : button.dataset.label;
  }
}

// --- Beginning -------------------------------------------------------------------------------------------------------

// Who is signed in already needs no token, nor a history that holds it.
function dropToken() {
  if (location.hash.startsWith("#token=")) history.replaceState(null, "", location.pathname + location.search);
}

addEventListener("hashchange", dropToken);
dropToken();
if (new URLSearchParams(location.search).has("did")) {
  const address = new URL(location.href);
  address.searchParams.delete("did"); // what was done is said once
  history.replaceState(null, "", address);
}
document.documentElement.dataset.scripted = "";
theme.hidden = false;
showTheme();
theme.addEventListener("click", nextTheme);
document.addEventListener("keydown", onKey);
document.addEventListener("change", onChoice);
document.querySelector("[data-copy]")?.addEventListener("click", copy);
countChosen();
writeTimes();
setInterval(writeTimes, 1000);
for (const followed of document.querySelectorAll("[data-follow]")) {
  followed.scrollTop = followed.scrollHeight;
}
// A search that has found nothing yet goes on among older jobs, a part at a time.
const older = document.querySelector("[data-look-on]");
if (older) location.replace(older.href);
if (document.hidden) say("paused", "Paused while hidden");
else follow();
