(() => {
  "use strict";
  const all = (selector, root = document) => Array.from(root.querySelectorAll(selector));
  const texts = (cell) => cell.textContent.trim().replaceAll("\u2212", "-").replaceAll(",", "");
  // A number where the cell starts with one, a date as a number, otherwise text; null sorts last both ways.
  const value = (cell) => {
    const text = texts(cell);
    if (text === "" || text === "\u2013") return null;
    if (/^\d{4}-\d\d-\d\d$/.test(text)) return Date.parse(text);
    const found = text.match(/^-?\d+(\.\d+)?/);
    return found ? Number(found[0]) : text.toLowerCase();
  };
  const compare = (a, b) => (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b)));
  const headings = (table) => all("thead th", table);

  const sort = (table, column, way) => {
    const rows = all("tbody tr", table).map((row) => [value(row.cells[column]), row]);
    const sign = way === "ascending" ? 1 : -1;
    rows.sort(([a], [b]) => (a === null || b === null ? (a === null) - (b === null) : sign * compare(a, b)));
    table.tBodies[0].append(...rows.map(([, row]) => row));
    headings(table).forEach((head, index) => (index === column ? head.setAttribute("aria-sort", way) : head.removeAttribute("aria-sort")));
  };
  // Ranks and names are wanted from the first on, scores from the largest on.
  const firstWay = (table, column) => {
    const name = headings(table)[column].textContent.trim();
    const number = all("tbody tr", table).some((row) => typeof value(row.cells[column]) === "number");
    return number && name !== "Rank" && name !== "Seed" ? "descending" : "ascending";
  };
  const toggle = (table, column) => {
    const now = headings(table)[column].getAttribute("aria-sort");
    sort(table, column, now ? (now === "ascending" ? "descending" : "ascending") : firstWay(table, column));
  };

  const tables = all("table.sortable");
  for (const table of tables) {
    headings(table).forEach((head, column) => {
      if ("still" in head.dataset) return;
      const button = document.createElement("button");
      button.type = "button";
      const link = head.querySelector("a");
      button.textContent = head.textContent.trim();
      if (link) button.title = link.title;
      head.replaceChildren(button);
      button.addEventListener("click", () => toggle(table, column));
    });
  }

  for (const box of all("[data-controls]")) {
    const find = box.querySelector("[data-find]");
    const picks = all("[data-pick]", box);
    const tabs = all("[data-track]", box);
    const sorter = box.querySelector("[data-sort]");
    const count = box.querySelector("[data-count]");
    const rows = tables.flatMap((table) => all("tbody tr", table)).map((row) => [row, row.textContent.toLowerCase()]);
    const entries = rows.filter(([row]) => row.dataset.k !== undefined);
    const apply = () => {
      const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
      const track = tabs.find((tab) => tab.getAttribute("aria-pressed") === "true").dataset.track;
      for (const section of all("[data-in]")) section.hidden = track !== "" && section.dataset.in !== track;
      const chosen = picks.filter((pick) => pick.value !== "");
      let shown = 0;
      for (const [row, text] of rows) {
        const entry = row.dataset.k !== undefined;
        const fits = words.every((word) => text.includes(word));
        const picked = chosen.every((pick) => (row.dataset[pick.dataset.pick] || "").split(" ").includes(pick.value));
        row.hidden = entry ? !(fits && picked) : words.length > 0;
        if (entry && !row.hidden && !row.closest("[data-in]").hidden) shown += 1;
      }
      count.textContent = `${shown} of ${entries.length} shown`;
    };
    find.addEventListener("input", apply);
    picks.forEach((pick) => pick.addEventListener("change", apply));
    for (const tab of tabs)
      tab.addEventListener("click", () => {
        tabs.forEach((other) => other.setAttribute("aria-pressed", String(other === tab)));
        apply();
      });
    if (tables.length) {
      headings(tables[0]).forEach((head, column) => {
        if ("still" in head.dataset) return;
        sorter.append(new Option(head.textContent.trim(), String(column)));
      });
      sorter.addEventListener("change", () => {
        const column = Number(sorter.value);
        for (const table of tables) sort(table, column, firstWay(table, column));
      });
    }
    box.hidden = false;
  }
})();
