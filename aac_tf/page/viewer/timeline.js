// The timeline: a table whose rows can be played and edited, and downloads of it.

function makeTimeline(root, player, { write, changed }) {
  const section = root.querySelector(".aac-timeline");
  const body = section.querySelector("tbody");
  const box = section.querySelector(".aac-scroll");
  const fault = section.querySelector(".aac-fault");
  let rows = [];
  let name = "";
  let marked = -1; // number of the row that is being played

  function field(row, key, label, properties) {
    const input = make("input", { ...properties, attributes: { "aria-label": label } });
    input.addEventListener("input", () => {
      row[key] = input.type === "number" ? input.valueAsNumber : input.value;
      changed(rows);
    });
    return input;
  }

  function addRow(row, number, long) {
    const from = long ? asClock(row.begin).slice(0, -2) : "";
    const button = make("button", { type: "button", textContent: `▶ ${from}`.trim() });
    button.setAttribute("aria-label", `Play row ${number}${from && ` from ${from}`}`);
    button.addEventListener("click", () => player.play(row.begin, row.end));
    const time = (key) => ({ type: "number", min: 0, step: "any", value: row[key].toFixed(2) });
    const confidence = row.confidence === null ? "–" : row.confidence.toFixed(2);
    const text = { type: "text", value: row.caption, placeholder: "silence" };
    body.append(
      make(
        "tr",
        { className: row.unsure ? "aac-doubtful" : "" },
        make("td", {}, button),
        make("td", {}, field(row, "begin", `Begin of row ${number} in seconds`, time("begin"))),
        make("td", {}, field(row, "end", `End of row ${number} in seconds`, time("end"))),
        make("td", {}, field(row, "caption", `Caption of row ${number}`, text)),
        make("td", { textContent: confidence }),
      ),
    );
  }

  async function download(format) {
    fault.textContent = "";
    const answer = await write({ rows, format, name });
    if (answer.error) {
      fault.textContent = answer.error;
      return;
    }
    const link = make("a", { href: URL.createObjectURL(new Blob([answer.text], { type: "text/plain" })) });
    link.download = answer.name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  function mark(next) {
    if (next === marked) {
      return;
    }
    body.rows[marked]?.classList.remove("aac-now");
    marked = next;
    const row = body.rows[marked];
    row?.classList.add("aac-now");
    // Rows do not move under the hands of those who edit them.
    if (row && !body.contains(document.activeElement)) {
      box.scrollTop = row.offsetTop - box.clientHeight / 2;
    }
  }

  return {
    follow(time) {
      mark(time === null ? -1 : rows.findIndex((row) => row.begin <= time && time < row.end));
    },
    show(view) {
      section.hidden = !view.segments && !view.no_segments;
      section.querySelector("table").hidden = !view.segments;
      section.querySelector(".aac-hint").textContent =
        view.no_segments || "Times and captions can be edited; the files have what the table shows.";
      rows = structuredClone(view.segments || []);
      name = view.name;
      fault.textContent = "";
      marked = -1;
      body.replaceChildren();
      box.scrollTop = 0;
      rows.forEach((row, index) => addRow(row, index + 1, view.seconds >= 60));
      changed(rows);
      const formats = (view.segments ? view.formats : []).map((format) => {
        const button = make("button", { type: "button", textContent: format.toUpperCase() });
        button.setAttribute("aria-label", `Download as ${format.toUpperCase()}`);
        button.addEventListener("click", () => download(format));
        return button;
      });
      section.querySelector(".aac-formats").replaceChildren(...formats);
    },
  };
}
