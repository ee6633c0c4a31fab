"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const dialog = document.getElementById("reviews");
  const body = document.getElementById("reviews-body");
  const make = (name, text, kind) => {
    const element = document.createElement(name);
    if (text) element.textContent = text;
    if (kind) element.className = kind;
    return element;
  };

  // Offsets count characters, and not the halves of which JavaScript makes an emoji.
  const quote = (review, touchpoint) => {
    const block = make("blockquote");
    if (review.text === undefined) return make("blockquote", data.say.no_text, "facts");
    const letters = Array.from(review.text);
    const range = review.marks[touchpoint];
    if (!range) {
      block.textContent = review.text;
      return block;
    }
    block.append(letters.slice(0, range[0]).join(""), make("mark", letters.slice(...range).join("")));
    block.append(letters.slice(range[1]).join(""));
    return block;
  };

  const item = (review, touchpoint) => {
    const facts = [`${data.say.row} ${review.row}`, review.day, review.language, review.verdict];
    if (review.rating) facts.push(`${data.say.rating} ${review.rating}`);
    facts.push(`${review.certain} ${data.say.certain}`);
    if (review.look) facts.push(data.say.needs_a_look);
    const found = make("li");
    found.append(quote(review, touchpoint), make("div", facts.filter(Boolean).join(" · "), "facts"));
    return found;
  };

  const open = (button) => {
    const key = button.dataset.cell;
    const touchpoint = key.split("-")[0];
    document.getElementById("reviews-title").textContent = button.getAttribute("aria-label");
    body.replaceChildren();
    let shown = 0;
    for (const [polarity, places] of Object.entries(data.cells[key] || {})) {
      const tone = { positive: "praise", negative: "blame" }[polarity] || "plain";
      const list = make("ol");
      for (const place of places) list.append(item(data.reviews[place], touchpoint));
      body.append(make("h3", data.polarities[polarity], tone), list);
      shown += places.length;
    }
    const counted = document.getElementById("reviews-shown");
    counted.textContent = counted.dataset.text.replace("{shown}", shown).replace("{reviews}", button.dataset.n);
    dialog.showModal();
    dialog.scrollTop = 0;
  };

  for (const button of document.querySelectorAll("[data-cell]")) {
    button.addEventListener("click", () => open(button));
  }
  document.getElementById("reviews-close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });

  // What a spreadsheet would run as a formula gets an apostrophe, as in the files that cxnlp writes.
  const starts = /^[=+\-@\t\r\n＝＋－＠]/;
  const number = /^(?:[-+]?[0-9]+(?:[., \u00a0\u202f]?[0-9]+)*%?|[-+]?[.,][0-9]+%?|-+)$/;
  const cell = (text) => {
    const safe = starts.test(text) && !number.test(text) ? `'${text}` : text;
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  for (const button of document.querySelectorAll("[data-csv]")) {
    button.addEventListener("click", () => {
      const rows = Array.from(document.getElementById(`table-${button.dataset.csv}`).rows);
      const lines = rows.map((row) => Array.from(row.cells, (one) => cell(one.dataset.v ?? one.textContent)).join(","));
      const link = make("a");
      link.href = URL.createObjectURL(new Blob(["\ufeff", lines.join("\r\n"), "\r\n"], { type: "text/csv" }));
      link.download = `${button.dataset.csv}.csv`;
      link.click();
      URL.revokeObjectURL(link.href);
    });
  }
})();
