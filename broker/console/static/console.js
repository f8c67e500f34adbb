// Keys and small comforts. Everything here can be done without it.

document.documentElement.classList.add("scripted");

for (const field of document.querySelectorAll("[data-submit]")) {
  field.addEventListener("change", () => field.form.requestSubmit());
}

const rows = () => [...document.querySelectorAll("tbody tr:has(a[data-row])")];
let chosen = null;

function choose(step) {
  const all = rows();
  if (!all.length) return;
  chosen?.classList.remove("chosen");
  chosen = all[Math.min(Math.max(all.indexOf(chosen) + step, 0), all.length - 1)];
  chosen.classList.add("chosen");
  chosen.querySelector("a[data-row]").focus();
}

// Rows that are chosen. What can be done about them is asked in a dialog; without scripts it is a page.
const choice = document.getElementById("choose");
const boxes = () => [...choice.elements].filter((one) => one.name === "id");
const row = () => document.activeElement.closest("tr") ?? chosen;

function told() {
  const number = boxes().filter((one) => one.checked).length;
  choice.querySelector("[data-chosen]").textContent = number ? `${number} chosen` : "";
}

async function ask() {
  if (!boxes().some((one) => one.checked)) keys.x();
  const asked = new URLSearchParams(new FormData(choice));
  if (!asked.has("id")) {
    choice.querySelector("[data-chosen]").textContent = "Choose rows first.";
    return;
  }
  const text = await fetched(`${choice.action}?${asked}&piece=1`);
  if (text === null) {
    location.assign(`${choice.action}?${asked}`);
    return;
  }
  const dialog = document.getElementById("chosen");
  dialog.lastElementChild.replaceChildren(document.createRange().createContextualFragment(text));
  dialog.showModal();
}

// What cannot be fetched is opened as a page, which says what is wrong.
async function fetched(path) {
  try {
    const answer = await fetch(path, { redirect: "error" });
    return answer.ok ? await answer.text() : null;
  } catch {
    return null;
  }
}

if (choice) {
  choice.addEventListener("submit", (event) => { event.preventDefault(); ask(); });
  const all = document.querySelector("[data-all]");
  all.hidden = false;
  document.querySelector("tbody")?.closest("main").addEventListener("change", (event) => {
    if (event.target === all) for (const one of boxes()) one.checked = all.checked;
    told();
  });
  told();
}

let going = 0;

function go(letter) {
  document.querySelector(`nav a[data-go="${CSS.escape(letter)}"]`)?.click();
}

const keys = {
  "/": () => document.getElementById("q")?.focus(),
  j: () => choose(1),
  k: () => choose(-1),
  f: () => document.querySelector(".filters input, .filters select")?.focus(),
  c: () => document.querySelector("[data-copy]:not([hidden])")?.click(),
  x: () => {
    const box = row()?.querySelector("input[form=choose]");
    if (!box) return;
    box.checked = !box.checked;
    told();
  },
  r: () => {
    if (choice) return ask();
    const again = document.querySelector("details[data-again]");
    if (!again) return undefined;
    again.open = true;
    return again.querySelector("input:not([type=hidden])").focus();
  },
  l: () => document.getElementById("live")?.click(),
  "?": () => document.getElementById("keys")?.showModal(),
  g: () => { going = Date.now() + 1500; },
};

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input:not([type=checkbox]), select, textarea, [contenteditable]");
  if (event.key === "Escape" && typing) typing.blur();
  if (document.querySelector("dialog[open]")) return;
  if (typing || event.ctrlKey || event.metaKey || event.altKey || localStorage.getItem("keys") === "off") return;
  if (Date.now() < going && /^[a-z]$/.test(event.key)) {
    going = 0;
    go(event.key);
  } else if (keys[event.key]) {
    event.preventDefault();
    keys[event.key]();
  }
});

// The button works where the keys are switched off: that is how they come back.
const off = document.getElementById("keys-off");
if (off) {
  const button = document.getElementById("keys-open");
  button.hidden = false;
  button.addEventListener("click", () => document.getElementById("keys").showModal());
  off.checked = localStorage.getItem("keys") === "off";
  off.addEventListener("change", () => localStorage.setItem("keys", off.checked ? "off" : "on"));
}

for (const button of document.querySelectorAll("[data-copy]")) {
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = "Copied";
  });
}

// Whose session has ended is told so. Nothing is loaded by itself: what is read, or half written, stays.
function signedOut() {
  if (document.getElementById("signed-out")) return;
  const told = document.createElement("p");
  told.id = "signed-out";
  told.className = "alert bad";
  told.setAttribute("role", "alert");
  const sign = document.createElement("span");
  sign.ariaHidden = "true";
  sign.textContent = "\u2715";
  const link = document.createElement("a");
  link.href = location.pathname + location.search;
  link.textContent = "Sign in again";
  told.append(sign, " You are signed out: this page stays as it was. ", link);
  document.getElementById("main").prepend(told);
}

// A stream does not tell why it was refused: one small question does.
async function isOver() {
  try {
    return (await fetch("/console/here", { redirect: "error" })).status === 401;
  } catch {
    return false;
  }
}

// What needs a person, beside the names of pages, in the server's words.
function badges(found) {
  for (const link of document.querySelectorAll("nav.side a[data-go]")) {
    const told = found[link.getAttribute("href")];
    let badge = link.querySelector(".badge");
    if (!told) {
      badge?.remove();
      continue;
    }
    if (!badge) {
      badge = document.createElement("span");
      link.append(" ", badge);
    }
    const [number, means, tone] = told;
    const word = document.createElement("span");
    word.className = "hidden";
    word.textContent = ` ${means}`;
    badge.className = `badge ${tone}`;
    badge.replaceChildren(number, word);
  }
}

// A stream that breaks off takes up again by itself; one that was refused is over, and another is asked for.
const SOON_S = 5;
const LATE_S = 60;

function follow(address, kind, heard, tell) {
  let wait = SOON_S;
  let stream = null;
  let over = false;
  const open = () => {
    if (over) return;
    stream = new EventSource(address);
    stream.addEventListener(kind, heard);
    stream.addEventListener("badges", (event) => badges(JSON.parse(event.data)));
    stream.addEventListener("open", () => { wait = SOON_S; tell(true); });
    stream.addEventListener("error", async () => {
      tell(false);
      if (over || stream.readyState !== EventSource.CLOSED) return;
      if (await isOver()) {
        signedOut();
        return;
      }
      setTimeout(open, wait * 1000);
      wait = Math.min(wait * 2, LATE_S);
    });
  };
  open();
  return () => { over = true; stream.close(); };
}

// The switch says whether the page follows what happens, and lets it stand still.
function lamp() {
  const light = document.getElementById("live");
  const lit = { on: false, still: false };
  const say = () => {
    light.classList.toggle("on", lit.on);
    light.textContent = lit.still ? "standing still" : lit.on ? "live" : "not live";
  };
  say();
  light.hidden = false;
  light.addEventListener("click", () => {
    lit.still = !lit.still;
    light.setAttribute("aria-pressed", String(!lit.still));
    say();
  });
  return { lit, tell: (open) => { lit.on = open; say(); } };
}

// Who listens is told the newest now and then, not each change.
const SAID_EVERY_S = 5;

function saying(first) {
  const place = document.querySelector("[data-said]");
  let last = first;
  let next = first;
  let soon = 0;
  let at = 0;
  return (words) => {
    next = words;
    if (!place || soon || next === last) return;
    soon = setTimeout(() => {
      soon = 0;
      at = Date.now();
      place.textContent = last = next;
    }, Math.max(0, at + SAID_EVERY_S * 1000 - Date.now()));
  };
}

// What changes all the time is fetched again when the stream says so, but not under somebody's hands.
const region = document.querySelector("[data-live]");
if (region) {
  const summary = () => region.querySelector("[data-say]")?.textContent ?? "";
  const say = saying(summary());
  const busy = () => region.matches(":focus-within") || region.querySelector("details[open]") || region.scrollTop < 0;
  const fetchNow = async () => {
    const answer = await fetch(region.dataset.live, { redirect: "error" });
    if (answer.status === 401) signedOut();
    if (!answer.ok || answer.status !== 200) return;
    region.replaceChildren(document.createRange().createContextualFragment(await answer.text()));
    say(summary());
  };
  let bar = null;
  const { lit, tell } = lamp();
  const changed = () => {
    if (!busy() && !lit.still) return fetchNow();
    if (bar) return undefined;
    bar = document.createElement("button");
    bar.className = "news";
    bar.textContent = "There is news: show it";
    bar.addEventListener("click", () => { bar.remove(); bar = null; fetchNow(); });
    region.before(bar);
    return undefined;
  };
  follow(region.dataset.stream, "changed", changed, tell);
}

// New rows of a list come in by themselves while nobody is at it, and wait behind a bar otherwise: what is chosen, where
// somebody is and what is being written stay as they are.
const news = document.querySelector("[data-news]");
if (news) {
  const list = document.querySelector("[data-list]");
  const { lit, tell } = lamp();
  const say = saying("");
  const keyOf = (one) => one.querySelector("a[data-row]").pathname;
  const rowsOf = (place) => [...place.querySelectorAll("tbody tr:has(a[data-row])")];
  const atIt = () => !list || list.matches(":hover, :focus-within") || list.getBoundingClientRect().top < 0
    || rowsOf(list).some((one) => one.querySelector("input:checked")) || document.activeElement.closest("main form");
  const EACH_MS = 2000;
  let stop = null;
  let number = "";
  let coming = 0;
  let shown = 0;

  const gap = (piece, body) => {
    const older = piece.querySelector("[data-pager] a");
    const row = document.createElement("tr");
    const cell = row.insertCell();
    cell.colSpan = body.rows[0].cells.length;
    cell.append("There are more in between: ", older ?? "load the page again");
    return row;
  };

  // Rows that are there stay the same elements, so that the cursor and the choice stay on them.
  const merge = (piece, keep) => {
    const body = list.querySelector("tbody");
    const mine = new Map(rowsOf(list).map((one) => [keyOf(one), one]));
    const fresh = rowsOf(piece);
    const first = body.firstElementChild;
    const top = first.getBoundingClientRect().top;
    if (keep && !fresh.some((one) => mine.has(keyOf(one)))) body.prepend(gap(piece, body));
    let at = body.firstElementChild;
    for (const one of fresh) {
      const old = mine.get(keyOf(one));
      if (!old) {
        body.insertBefore(one, at);
        continue;
      }
      for (const [number, cell] of [...one.cells].entries()) {
        if (cell.matches("td:not(.pick)")) old.cells[number].replaceChildren(...cell.childNodes);
      }
      mine.delete(keyOf(one));
      at = old.nextElementSibling;
    }
    if (!keep) {
      for (const one of [...mine.values(), ...body.querySelectorAll("tr:not(:has(a[data-row]))")]) one.remove();
      document.querySelector("[data-pager]").replaceWith(piece.querySelector("[data-pager]"));
    }
    if (keep && top < 0) scrollBy(0, first.getBoundingClientRect().top - top);
  };

  const wait = () => {
    const bar = news.querySelector("button") ?? news.appendChild(document.createElement("button"));
    bar.className = "main";
    bar.textContent = `${number} new: show`;
    bar.onclick = () => show(true);
  };

  const show = async (keep) => {
    const text = list && await fetched(news.dataset.rows);
    if (!text) {
      if (keep) location.reload();
      return;
    }
    if (!keep && (lit.still || atIt())) {
      wait();
      return;
    }
    const bar = news.querySelector("button");
    const led = bar?.matches(":focus-visible");
    const piece = document.createRange().createContextualFragment(text);
    const address = piece.querySelector("[data-news]").dataset.news;
    merge(piece, keep);
    bar?.remove();
    if (led) rowsOf(list)[0].querySelector("a[data-row]").focus({ preventScroll: true });
    listen(address);
  };

  const heard = (event) => {
    number = event.data;
    say(`${number} new`);
    if (lit.still || atIt()) wait();
    else coming ||= setTimeout(() => { coming = 0; shown = Date.now(); show(false); }, shown + EACH_MS - Date.now());
  };

  const listen = (address) => {
    stop?.();
    stop = follow(address, "new", heard, tell);
  };
  listen(news.dataset.news);
}

// While somebody writes, what would become of it is asked for; files stay here until it is sent.
const form = document.querySelector("form[data-check]");
if (form) {
  let soon = 0;
  let asked = 0;
  const check = async () => {
    const number = ++asked;
    const data = new FormData(form);
    let chosen = 0;
    for (const field of form.querySelectorAll("input[type=file]")) {
      data.delete(field.name);
      chosen += field.files.length;
    }
    if (chosen) data.set("chosen", chosen);
    const answer = await fetch(form.dataset.check, { method: "POST", body: data, redirect: "error" });
    if (answer.status === 401) signedOut();
    if (!answer.ok || number !== asked) return;
    const plan = document.createRange().createContextualFragment(await answer.text());
    document.getElementById("plan").replaceChildren(plan);
  };
  form.addEventListener("input", () => { clearTimeout(soon); soon = setTimeout(check, 400); });
  form.addEventListener("submit", () => clearTimeout(soon));
}

// A page without a stream asks for them now and then, but only while somebody can see it.
const EVERY_S = 15;
if (document.querySelector("nav.side") && !region && !news) {
  let asked = Date.now();
  let timer = 0;
  const look = async () => {
    if (document.hidden) return;
    asked = Date.now();
    try {
      const answer = await fetch("/console/badges", { redirect: "error" });
      if (answer.ok) badges(await answer.json());
      if (answer.status !== 401) return;
      clearInterval(timer);
      signedOut();
    } catch {
      // Nobody answers: what was told last stands.
    }
  };
  timer = setInterval(look, EVERY_S * 1000);
  document.addEventListener("visibilitychange", () => {
    if (Date.now() - asked > EVERY_S * 1000) look();
  });
}
