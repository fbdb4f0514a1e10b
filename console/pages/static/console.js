// Keeps the live part of a page new, and stops while nobody looks. Every page works without it.
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
