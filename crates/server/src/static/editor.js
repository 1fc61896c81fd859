"use strict";
// Asks the server, as somebody types, what is wrong with a definition and how it looks. Without it "Check" does.
(() => {
  const form = document.querySelector("form[data-check]");
  const text = form?.elements.definition;
  if (!text) return;
  let timer = 0;
  let asked = 0;
  let isSaved = true;

  const put = (html) => {
    const template = document.createElement("template");
    template.innerHTML = html;
    for (const fresh of [...template.content.children]) {
      const old = document.getElementById(fresh.id);
      // The last picture stays while somebody is in the middle of a word.
      if (!old) continue;
      if (fresh.id === "picture" && !("fresh" in fresh.dataset) && old.querySelector("svg")) old.dataset.stale = "";
      else old.replaceWith(fresh);
    }
  };

  const say = (words) => {
    const note = document.createElement("p");
    note.className = "bad";
    note.textContent = words;
    document.querySelector("#findings h2")?.after(note);
  };

  const check = async () => {
    const turn = ++asked;
    const body = new URLSearchParams({ definition: text.value, type: form.elements.type?.value ?? "" });
    try {
      const answer = await fetch(form.dataset.check, { method: "POST", body });
      if (turn !== asked) return;
      if (answer.ok) put(await answer.text());
      else if (answer.status === 401) say("You are not signed in any more. Sign in in another tab; nothing is lost here.");
      else say(`The server could not check this (${answer.status}).`);
    } catch {
      if (turn === asked) say("The server does not answer. Nothing is lost here.");
    }
  };

  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(check, 300);
  };

  text.addEventListener("input", () => {
    isSaved = false;
    later();
  });
  form.elements.type?.addEventListener("change", later);
  form.addEventListener("submit", () => (isSaved = true));
  addEventListener("beforeunload", (event) => {
    if (!isSaved) event.preventDefault();
  });

  // A finding's line is shown where it is written.
  form.addEventListener("click", (event) => {
    const line = Number(event.target.dataset?.line);
    if (!line) return;
    event.preventDefault();
    const lines = text.value.split("\n");
    const start = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
    text.focus();
    text.setSelectionRange(start, start + (lines[line - 1] ?? "").length);
    text.scrollTop = (text.scrollHeight / lines.length) * Math.max(0, line - 6);
  });
})();
