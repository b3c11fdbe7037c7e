// The timeline: a table whose rows can be played and edited, and downloads of it.

function makeTimeline(root, player, { write, changed }) {
  const section = root.querySelector(".aac-timeline");
  const body = section.querySelector("tbody");
  const fault = section.querySelector(".aac-fault");
  let rows = [];
  let name = "";

  function field(row, key, label, properties) {
    const input = make("input", { ...properties, attributes: { "aria-label": label } });
    input.addEventListener("input", () => {
      row[key] = input.type === "number" ? input.valueAsNumber : input.value;
      changed(rows);
    });
    return input;
  }

  function addRow(row, number) {
    const button = make("button", { type: "button", textContent: "▶" });
    button.setAttribute("aria-label", `Play row ${number}`);
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

  return {
    show(view) {
      section.hidden = !view.segments && !view.no_segments;
      section.querySelector("table").hidden = !view.segments;
      section.querySelector(".aac-hint").textContent =
        view.no_segments || "Times and captions can be edited; the files have what the table shows.";
      rows = structuredClone(view.segments || []);
      name = view.name;
      fault.textContent = "";
      body.replaceChildren();
      rows.forEach((row, index) => addRow(row, index + 1));
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
