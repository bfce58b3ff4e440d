// What pages do with JavaScript and are complete without: they follow new snapshots, count times and hear keys.
(() => {
  "use strict";
  const connection = document.getElementById("connection");
  const live = () => document.getElementById("live");

  // Two units, as the server writes them: 3d4h, 12s.
  const elapsed = (seconds) => {
    const units = [["y", 31536000], ["d", 86400], ["h", 3600], ["m", 60], ["s", 1]];
    const first = Math.max(0, units.findIndex(([, size]) => seconds >= size));
    const parts = [];
    let rest = seconds;
    for (const [name, size] of units.slice(first, first + 2)) {
      const count = Math.floor(rest / size);
      rest -= count * size;
      if (count > 0) { parts.push(count + name); }
    }
    return parts.join("") || "0s";
  };

  const count = () => {
    const now = Date.now();
    for (const time of document.querySelectorAll("time[data-distance]")) {
      const left = Math.round((Date.parse(time.dateTime) - now) / 1000);
      const text = left > 0 ? "in " + elapsed(left) : elapsed(-left) + " ago";
      if (time.textContent !== text) { time.textContent = text; }
    }
    for (const bar of document.querySelectorAll("progress[data-ends]")) {
      const left = (Date.parse(bar.dataset.ends) - now) / 1000;
      bar.value = Math.min(bar.max, Math.max(0, bar.max - left));
    }
  };

  const follow = () => {
    if (!window.EventSource || !window.htmx || live().dataset.snapshot === undefined) { return; }
    let shown = live().dataset.snapshot;
    let lost = null;
    const events = new EventSource("/events");
    events.addEventListener("snapshot", (event) => {
      if (event.data === shown) { return; }
      shown = event.data;
      window.htmx.ajax("GET", location.href, { target: "#live", select: "#live", swap: "outerHTML" }).then(count);
    });
    events.onopen = () => {
      clearTimeout(lost);
      lost = null;
      connection.className = "";
      connection.textContent = "live";
    };
    // A connection ends every minute and is made again, which is nothing to tell.
    events.onerror = () => {
      lost ??= setTimeout(() => {
        connection.className = "lost";
        connection.textContent = "not live: Tidegate does not answer";
      }, 8000);
    };
  };

  const move = (step) => {
    const rows = [...document.querySelectorAll("a.row")];
    const at = rows.indexOf(document.activeElement);
    const next = rows[at < 0 ? (step > 0 ? 0 : rows.length - 1) : at + step];
    if (next) { next.focus(); next.scrollIntoView({ block: "nearest" }); }
  };

  document.addEventListener("keydown", (event) => {
    const isTyping = event.target.closest("input, select, textarea, dialog");
    if (isTyping || event.ctrlKey || event.metaKey || event.altKey) { return; }
    const search = document.getElementById("search");
    if (event.key === "/" && search) { event.preventDefault(); search.focus(); search.select(); }
    if (event.key === "j") { move(1); }
    if (event.key === "k") { move(-1); }
    if (event.key === "?") { document.getElementById("keys").showModal(); }
  });

  count();
  setInterval(count, 1000);
  follow();
})();
