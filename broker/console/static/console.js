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

let going = 0;

function go(letter) {
  document.querySelector(`nav a[data-go="${CSS.escape(letter)}"]`)?.click();
}

const keys = {
  "/": () => document.getElementById("q")?.focus(),
  j: () => choose(1),
  k: () => choose(-1),
  f: () => document.querySelector(".filters input, .filters select")?.focus(),
  "?": () => document.getElementById("keys")?.showModal(),
  g: () => { going = Date.now() + 1500; },
};

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, select, textarea, [contenteditable]");
  if (event.key === "Escape" && typing) typing.blur();
  if (typing || event.ctrlKey || event.metaKey || event.altKey || localStorage.getItem("keys") === "off") return;
  if (Date.now() < going && /^[a-z]$/.test(event.key)) {
    going = 0;
    go(event.key);
  } else if (keys[event.key]) {
    event.preventDefault();
    keys[event.key]();
  }
});

const off = document.getElementById("keys-off");
if (off) {
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
