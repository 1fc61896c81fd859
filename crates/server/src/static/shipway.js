"use strict";
// Keeps a page fresh: the server sends HTML, this puts it in place. Without it the page is whole, only not live.
(() => {
  let url = document.body.dataset.live;
  const badge = document.getElementById("live");
  if (!url || !badge || !window.EventSource) return;
  let source = null;
  let ended = false;

  const say = (state, words) => {
    badge.hidden = false;
    badge.dataset.s = state;
    if (badge.textContent !== words) badge.textContent = words;
  };

  // Changes `old` into `now` in place, so that focus, scrolling and opened details stay.
  const morph = (old, now) => {
    if (old.nodeName !== now.nodeName || old.id !== now.id) return old.replaceWith(now);
    if (old.nodeType !== 1) {
      if (old.data !== now.data) old.data = now.data;
      return;
    }
    for (const { name } of [...old.attributes]) {
      if (name !== "open" && !now.hasAttribute(name)) old.removeAttribute(name);
    }
    for (const { name, value } of now.attributes) {
      if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
    const from = [...old.childNodes];
    const to = [...now.childNodes];
    to.forEach((node, place) => (from[place] ? morph(from[place], node) : old.append(node)));
    from.slice(to.length).forEach((node) => node.remove());
  };

  const place = (part) => {
    const { node, s, into } = part.dataset;
    const old = document.getElementById(node || into || part.id);
    if (into) {
      const fresh = [...part.rows].filter((row) => !document.getElementById(row.id));
      old?.append(...fresh);
    } else if (node) {
      if (!old) return;
      old.dataset.s = s;
      old.setAttribute("aria-label", part.title);
      const title = old.querySelector("title");
      if (title) title.textContent = part.title;
    } else if (old) {
      morph(old, part);
    }
  };

  const connect = () => {
    if (source || ended || document.hidden) return;
    source = new EventSource(url);
    source.onopen = () => say("on", "live");
    source.onerror = () => {
      say("off", "reconnecting");
      if (source?.readyState === EventSource.CLOSED) {
        source = null;
        setTimeout(connect, 3000);
      }
    };
    source.onmessage = (message) => {
      if (message.lastEventId) url = url.replace(/after=\d+/, "after=" + message.lastEventId);
      const template = document.createElement("template");
      template.innerHTML = message.data;
      [...template.content.children].forEach(place);
    };
    source.addEventListener("end", () => {
      ended = true;
      source.close();
      say("end", "ended");
    });
  };

  // A hidden page holds no connection: browsers have few for one server.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden && source) {
      source.close();
      source = null;
    }
    connect();
  });
  connect();
})();
