// Keeps the live part of a page new, and stops while nobody looks; narrows long lists. Every page works without it.
"use strict";
const SECONDS = 5;

function keep(part) {
  let tag = "";
  async function look() {
    if (document.hidden) return;
    try {
      const answer = await fetch(part.dataset.live, { headers: tag ? { "If-None-Match": tag } : {}, redirect: "error" });
      if (answer.status === 304) return;
      if (answer.status !== 200) throw new Error(answer.statusText);
      tag = answer.headers.get("ETag") || "";
      const said = await answer.text();
      if (!part.contains(document.activeElement)) part.innerHTML = said;
      part.classList.remove("old");
    } catch {
      // The next round tries it again; meanwhile nobody takes what is shown for new.
      part.classList.add("old");
    }
  }
  setInterval(look, SECONDS * 1000);
  document.addEventListener("visibilitychange", look);
}

for (const part of document.querySelectorAll("[data-live]")) keep(part);

// As one types, the lists of a form offer what has the text in its name, and what is chosen.
function narrow(search) {
  const field = search.querySelector("input[type=search]"), told = search.querySelector("[role=status]");
  const lists = Array.from(document.getElementById(search.dataset.narrows).querySelectorAll("select"));
  const all = new Map(lists.map((list) => [list, Array.from(list.options)]));
  search.addEventListener("submit", (event) => event.preventDefault());
  field.addEventListener("input", () => {
    const wanted = field.value.trim().toLowerCase();
    let most = 0;
    for (const [list, options] of all) {
      const chosen = list.value;
      const found = options.filter((one) => one.value && one.text.toLowerCase().includes(wanted));
      list.replaceChildren(...options.filter((one) => !one.value || one.value === chosen || found.includes(one)));
      list.value = chosen;
      most = Math.max(most, found.length);
    }
    told.textContent = wanted ? `${most} found` : "";
  });
}

for (const search of document.querySelectorAll("[data-narrows]")) if (!search.querySelector("input").value) narrow(search);
