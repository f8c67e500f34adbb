// Keys and small comforts. Everything here can be done without it.

document.documentElement.classList.add("scripted");

for (const field of document.querySelectorAll("[data-submit]")) {
  field.addEventListener("change", () => field.form.requestSubmit());
}

const rows = () => [...document.querySelectorAll("tbody tr:has(a[data-row])")];
let chosen = -1;

function choose(step) {
  const all = rows();
  if (!all.length) return;
  all[chosen]?.classList.remove("chosen");
  chosen = Math.min(Math.max(chosen + step, 0), all.length - 1);
  all[chosen].classList.add("chosen");
  all[chosen].querySelector("a[data-row]").focus();
}

// Rows that are chosen. What can be done about them is asked in a dialog; without scripts it is a page.
const choice = document.getElementById("choose");
const boxes = () => [...choice.elements].filter((one) => one.name === "id");
const row = () => document.activeElement.closest("tr") ?? rows()[chosen];

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

// A stream that breaks off takes up again by itself; one that was refused is over, and another is asked for.
const SOON_S = 5;
const LATE_S = 60;

function follow(address, kind, heard, tell) {
  let wait = SOON_S;
  const open = () => {
    const stream = new EventSource(address);
    stream.addEventListener(kind, heard);
    stream.addEventListener("open", () => { wait = SOON_S; tell(true); });
    stream.addEventListener("error", async () => {
      tell(false);
      if (stream.readyState !== EventSource.CLOSED) return;
      if (await isOver()) {
        signedOut();
        return;
      }
      setTimeout(open, wait * 1000);
      wait = Math.min(wait * 2, LATE_S);
    });
  };
  open();
}

// What changes all the time is fetched again when the stream says so, but not under somebody's hands.
const region = document.querySelector("[data-live]");
if (region) {
  const busy = () => region.matches(":focus-within") || region.querySelector("details[open]") || region.scrollTop < 0;
  const fetchNow = async () => {
    const answer = await fetch(region.dataset.live, { redirect: "error" });
    if (answer.status === 401) signedOut();
    if (!answer.ok || answer.status !== 200) return;
    region.replaceChildren(document.createRange().createContextualFragment(await answer.text()));
  };
  let bar = null;
  let still = false;
  const changed = () => {
    if (!busy() && !still) return fetchNow();
    if (bar) return undefined;
    bar = document.createElement("button");
    bar.className = "news";
    bar.textContent = "There is news: show it";
    bar.addEventListener("click", () => { bar.remove(); bar = null; fetchNow(); });
    region.before(bar);
    return undefined;
  };
  const light = document.getElementById("live");
  let on = false;
  const say = () => {
    light.classList.toggle("on", on);
    light.textContent = still ? "standing still" : on ? "live" : "not live";
  };
  say();
  light.hidden = false;
  light.addEventListener("click", () => {
    still = !still;
    light.setAttribute("aria-pressed", String(!still));
    say();
  });
  follow(region.dataset.stream, "changed", changed, (open) => { on = open; say(); });
}

// New rows of a list wait behind a bar: nothing moves under anybody's hands.
const news = document.querySelector("[data-news]");
if (news) {
  let soon = 0;
  const heard = (event) => {
    const bar = news.querySelector("button") ?? news.appendChild(document.createElement("button"));
    bar.className = "main";
    bar.textContent = `${event.data} new: show`;
    bar.onclick = () => location.reload();
  };
  const word = document.createElement("span");
  word.textContent = "Not live: what is new is not told. ";
  const tell = (open) => {
    if (open) {
      clearTimeout(soon);
      soon = 0;
      word.remove();
    } else {
      soon ||= setTimeout(() => news.prepend(word), SOON_S * 1000);
    }
  };
  follow(news.dataset.news, "new", heard, tell);
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
