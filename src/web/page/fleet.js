// All cameras of all hosts, the worst first, where this server hears of a fleet. On the page of several
// cameras the list stands below them; a server that hears of none keeps it hidden.
"use strict";

(() => {
  /** Rows that are shown, at most: a browser is slow with more, and nobody reads them. */
  const ROWS = 500;
  const ORDER = ["gone", "stale", "unready", "hot", "dropping", "live"];
  const COLUMNS = ["", "host", "camera", "frames a second", "lost", "°C", "told", "version", ""];

  const place = $("fleet");
  const isOwnPage = Boolean(document.querySelector("main#fleet"));

  const made = (tag, text, css) => {
    const element = document.createElement(tag);
    element.textContent = text;
    if (css) element.className = css;
    return element;
  };

  const known = (value, told) => (value === null ? "–" : told(value));

  function row(member) {
    const line = document.createElement("tr");
    line.dataset.condition = member.condition;
    line.append(
      made("td", member.condition, "condition"), made("td", member.host), made("td", member.camera),
      made("td", known(member.rate, (rate) => rate.toFixed(1)), "number"),
      made("td", known(member.loss, (loss) => `${(100 * loss).toFixed(1)} %`), "number"),
      made("td", known(member.temperature_c, (celsius) => celsius.toFixed(0)), "number"),
      made("td", known(member.age_s, (seconds) => `${seconds.toFixed(0)} s ago`), "number"),
      made("td", member.version), made("td", member.why),
    );
    return line;
  }

  function show(members) {
    const rank = (member) => ORDER.indexOf(member.condition);
    const sorted = [...members].sort((a, b) => rank(a) - rank(b));
    const counts = ORDER.map((condition) => [condition, members.filter((it) => it.condition === condition).length]);
    const told = counts.filter(([, count]) => count).map(([condition, count]) => `${count} ${condition}`);
    const more = members.length > ROWS ? `; the worst ${ROWS} are shown` : "";
    const title = made("h2", `${members.length} cameras in the fleet: ${told.join(", ") || "none heard of yet"}${more}`);
    const table = document.createElement("table"), head = document.createElement("tr");
    head.append(...COLUMNS.map((text) => made("th", text)));
    table.append(head, ...sorted.slice(0, ROWS).map(row));
    place.replaceChildren(title, table);
    place.hidden = false;
  }

  function tell(state, text) {
    if (!isOwnPage) return;
    $("connection").dataset.state = state;
    $("connection").textContent = text;
  }

  async function watch() {
    for (;;) {
      await visible();
      try {
        const answer = await ask("fleet.json", 5);
        if (answer.status === 204) return tell("lost", "this server hears of no fleet (expected the key fleet beside its address)");
        if (!answer.ok) throw new Error(`the fleet was answered with ${answer.status}`);
        show(await answer.json());
        tell("live", "live");
      } catch (error) {
        tell("lost", "connection lost, trying again");
      }
      await pause(2000);
    }
  }

  watch();
})();
