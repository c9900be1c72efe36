"use strict";
(function () {
  const data = JSON.parse(document.getElementById("data").textContent);
  const all = (selector, root) => Array.from((root || document).querySelectorAll(selector));
  const byId = (id) => document.getElementById(id);

  for (const element of all("[data-needs-script]")) element.hidden = false;

  /* Runs shown: per-run blocks, bold lines in the charts, marked rows. */
  const first = byId("run-a");
  const second = byId("run-b");
  function showRuns() {
    if (!first) return;
    const chosen = [first.value, second.value].filter((value, i, list) => value !== "" && list.indexOf(value) === i);
    for (const block of all("[data-per-run] .run-block")) {
      block.hidden = !chosen.includes(block.dataset.run);
      block.style.order = chosen.indexOf(block.dataset.run);
    }
    for (const panel of all("[data-per-run]:not(.empty)")) {
      const note = panel.querySelector(".nothing-here") || panel.appendChild(Object.assign(document.createElement("p"), { className: "meta nothing-here", textContent: "The runs chosen have no data for this panel." }));
      note.hidden = all(".run-block:not([hidden])", panel).length > 0;
    }
    const crowd = all("[data-legend]").length ? first.options.length > 2 : false;
    for (const line of all(".chart .line")) {
      line.classList.toggle("dim", crowd && !chosen.some((run) => line.classList.contains("run-" + run)));
    }
    for (const item of all("[data-legend]")) item.classList.toggle("dim", crowd && !chosen.includes(item.dataset.legend));
    for (const row of all("[data-run-row]")) row.classList.toggle("chosen", chosen.includes(row.dataset.runRow));
  }

  /* The Δ of each table is against the other run that is shown, where the numbers of both mean the same. */
  const minus = (text) => text.replace("-", "\u2212");
  const places = (half) => (half > 0 ? Math.max(0, Math.min(12, 1 - Math.floor(Math.log10(half)))) : 3);
  const signed = (value, digits) => (value > 0 ? "+" : "") + minus(value.toFixed(digits));
  function numbers(row) {
    const value = Number(row.querySelector("td[data-value]").dataset.value);
    return { value, low: Number(row.dataset.low), high: Number(row.dataset.high), known: row.dataset.low !== undefined };
  }
  function reading(low, high, better) {
    if (low <= 0 && high >= 0) return ["no clear difference", "none"];
    if (better === "target") return ["moved", "warn"];
    return (high < 0) === (better === "lower") ? ["▲ better", "good"] : ["▼ worse", "bad"];
  }
  function fill(row, other) {
    const [base, delta, word, ends] = Array.from(row.children).slice(4, 8);
    for (const cell of [base, delta, word, ends]) cell.textContent = "";
    if (!other || row.dataset.alike === undefined || row.dataset.alike !== other.dataset.alike) { base.textContent = "none"; return; }
    const now = numbers(row), then = numbers(other), moved = now.value - then.value;
    base.textContent = other.querySelector("td[data-value]").textContent;
    if (!now.known || !then.known) { delta.textContent = minus(moved.toPrecision(3)); word.textContent = "no error known"; return; }
    const low = moved - Math.hypot(now.value - now.low, then.high - then.value);
    const high = moved + Math.hypot(now.high - now.value, then.value - then.low);
    const digits = places((high - low) / 2);
    delta.textContent = signed(moved, digits);
    ends.textContent = signed(low, digits) + " to " + signed(high, digits);
    const [said, level] = reading(low, high, row.dataset.better);
    word.appendChild(Object.assign(document.createElement("span"), { className: level === "none" ? "none nowrap" : "badge " + level, textContent: said }));
  }
  function titled(block, words) {
    const head = block.querySelector("[data-base]");
    const label = head && (head.querySelector("button") || head);
    if (!label) return;
    if (head.dataset.written === undefined) head.dataset.written = label.textContent;
    label.textContent = words === null ? head.dataset.written : words;
  }
  /* Without another run beside it a table has the Δ that it was written with. */
  function restored(block, against) {
    const cells = [against].concat(all("tr[data-metric]", block).flatMap((row) => Array.from(row.children).slice(4, 8)));
    titled(block, null);
    for (const cell of cells) {
      if (cell.written === undefined) cell.written = Array.from(cell.childNodes);
      cell.replaceChildren(...cell.written);
    }
  }
  function holdAgainst(run, other) {
    const block = document.querySelector('#metrics .run-block[data-run="' + run + '"]');
    const against = block && block.querySelector("[data-against]");
    if (!against || against.dataset.kind === "baseline") return;
    restored(block, against);
    const base = other === "" || other === run ? null : document.querySelector('#metrics .run-block[data-run="' + other + '"]');
    if (!base) return;
    against.textContent = " · Δ against " + Array.from(second.options).find((option) => option.value === other).text;
    titled(block, "beside");
    for (const row of all("tr[data-metric]", block)) fill(row, base.querySelector('tr[data-metric="' + row.dataset.metric + '"]'));
  }

  /* The choice is kept in the address, so that a link or a reload shows the same two runs. */
  function chosenInAddress() {
    const said = new URLSearchParams(location.hash.slice(1));
    for (const [picker, name] of [[first, "run"], [second, "beside"]]) {
      const option = Array.from(picker.options).find((item) => said.has(name) && item.dataset.id === said.get(name));
      if (option) picker.value = option.value;
    }
    return said.has("run");
  }
  function choose() {
    showRuns();
    holdAgainst(first.value, second.value);
    holdAgainst(second.value, first.value);
    const id = (picker) => picker.options[picker.selectedIndex].dataset.id || "";
    try { history.replaceState(null, "", "#" + new URLSearchParams({ run: id(first), beside: id(second) })); } catch (ignored) { /* some viewers forbid it */ }
  }
  if (first) {
    first.addEventListener("change", choose);
    second.addEventListener("change", choose);
    if (chosenInAddress()) choose(); else showRuns();
  }

  /* A link to a number of a run that is not shown brings the run in. */
  for (const link of all("a[data-shows]")) {
    link.addEventListener("click", () => {
      if (!first || [first.value, second.value].includes(link.dataset.shows)) return;
      first.value = link.dataset.shows;
      choose();
    });
  }

  /* Curves, smoothed and on a logarithmic axis: the drawn points are moved, the axis itself is in the drawing. */
  const SHARE = 0.03; // of the width: the half-life of the smoothing, to both sides
  const charts = all("#curves .chart").map((svg) => {
    const [bottom, top, low, high, logLow, logHigh] = svg.dataset.y.split(" ").map(Number);
    const paths = all(".plot path", svg).filter((path) => !path.closest("defs")).map((path) => ({ path, d: path.getAttribute("d"), twin: null }));
    const marks = all(".plot use", svg).map((use) => ({ use, y: Number(use.getAttribute("y")) }));
    const value = (y) => low + ((bottom - y) / (bottom - top)) * (high - low);
    const place = (y) => bottom - (Math.log(value(y) / logLow) / Math.log(logHigh / logLow)) * (bottom - top);
    return { svg, paths, marks, place, log: logLow > 0, half: SHARE * svg.viewBox.baseVal.width };
  });
  const pieces = (d) => d.match(/[MLz][^MLz]*/g).map((piece) => [piece[0], ...piece.slice(1).trim().split(/[\s,]+/).filter(Boolean).map(Number)]);
  const joined = (list, place) => list.map(([kind, x, y]) => (kind === "z" ? "z" : kind + " " + x + " " + place(y).toFixed(3))).join(" ");
  function weighted(points, half) {
    let sum = 0, weight = 0;
    return points.map(([, x, y], i) => {
      const fade = i ? Math.pow(2, -Math.abs(x - points[i - 1][1]) / half) : 0;
      sum = sum * fade + y;
      weight = weight * fade + 1;
      return [sum, weight];
    });
  }
  function smoothed(list, half) {
    const runs = [];
    for (const piece of list) { if (piece[0] === "M" || !runs.length) runs.push([]); runs[runs.length - 1].push(piece); }
    return runs.flatMap((points) => {
      const before = weighted(points, half);
      const after = weighted(points.slice().reverse(), half).reverse();
      return points.map(([kind, x, y], i) => [kind, x, (before[i][0] + after[i][0] - y) / (before[i][1] + after[i][1] - 1)]);
    });
  }
  function drawCurves() {
    const smooth = byId("smooth").getAttribute("aria-pressed") === "true";
    const log = byId("logarithmic").getAttribute("aria-pressed") === "true";
    for (const chart of charts) {
      const place = log && chart.log ? chart.place : (y) => y;
      chart.svg.classList.toggle("log", log && chart.log);
      for (const { use, y } of chart.marks) use.setAttribute("y", place(y));
      for (const line of chart.paths) {
        const list = pieces(line.d);
        line.path.dataset.drawn = line.d;
        line.path.setAttribute("d", log && chart.log ? joined(list, place) : line.d);
        const closed = line.d.includes("z");
        if (line.twin) line.twin.remove();
        line.twin = smooth && !closed && list.length > 2 ? line.path.parentNode.appendChild(line.path.cloneNode()) : null;
        line.path.classList.toggle("raw", line.twin !== null);
        if (!line.twin) continue;
        line.twin.setAttribute("class", "smooth");
        line.twin.setAttribute("d", joined(smoothed(list, chart.half), place));
      }
    }
    const linear = charts.filter((chart) => !chart.log).length;
    const words = [smooth ? "The faint lines are what was logged." : "", log && linear ? linear + (linear === 1 ? " chart has values of 0 or below and stays linear." : " charts have values of 0 or below and stay linear.") : ""];
    byId("curves-status").textContent = words.filter(Boolean).join(" ");
  }
  for (const name of ["smooth", "logarithmic"]) {
    const button = byId(name);
    if (button) button.addEventListener("click", () => {
      button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
      drawCurves();
    });
  }

  const outlines = byId("ellipses");
  if (outlines) outlines.addEventListener("click", () => {
    const on = outlines.getAttribute("aria-pressed") !== "true";
    outlines.setAttribute("aria-pressed", String(on));
    for (const outline of all("#feature-map .ellipse")) outline.style.display = on ? "" : "none";
  });

  /* Steps of the samples: both runs move together, each to its own nearest step. */
  const sliders = all("input[data-sprites]");
  const place = (slider) => data.sprites[slider.dataset.sprites].steps[Number(slider.value)];
  function number(value) { return Number.isInteger(value) ? value.toLocaleString("en").replace(/,/g, "\u202f") : String(value); }
  function paint(slider) {
    const sprites = data.sprites[slider.dataset.sprites];
    const image = byId(slider.dataset.sprites);
    const index = Number(slider.value);
    if (!sprites.src[sprites.src.length - 1]) sprites.src[sprites.src.length - 1] = image.getAttribute("src");
    image.src = sprites.src[index];
    const unit = slider.getAttribute("aria-valuetext").replace(/ [^ ]*$/, "");
    slider.setAttribute("aria-valuetext", unit + " " + number(sprites.steps[index]));
    image.alt = image.alt.replace(/, \S+ [\d\u202f.]+/, ", " + unit + " " + number(sprites.steps[index]));
    const out = byId("step-out-" + slider.id.slice(5));
    if (out) out.textContent = number(sprites.steps[index]);
  }
  function follow(leader) {
    const step = place(leader);
    for (const slider of sliders) {
      if (slider === leader) continue;
      const steps = data.sprites[slider.dataset.sprites].steps;
      let best = 0;
      steps.forEach((candidate, i) => { if (Math.abs(candidate - step) < Math.abs(steps[best] - step)) best = i; });
      slider.value = String(best);
      paint(slider);
    }
  }
  for (const slider of sliders) {
    paint(slider);
    slider.addEventListener("input", () => { paint(slider); follow(slider); });
  }
  const play = byId("play");
  let timer = 0;
  function stop() { clearInterval(timer); timer = 0; play.setAttribute("aria-pressed", "false"); play.textContent = "▶ Play"; }
  if (play) {
    if (sliders.every((slider) => Number(slider.max) < 1)) play.hidden = true;
    play.addEventListener("click", () => {
      if (timer) { stop(); return; }
      const visible = sliders.filter((slider) => slider.offsetParent !== null);
      if (!visible.length) return;
      const leader = visible.reduce((a, b) => (Number(b.max) > Number(a.max) ? b : a));
      if (leader.value === leader.max) leader.value = "0";
      else leader.value = String(Number(leader.value) + 1);
      paint(leader); follow(leader);
      play.setAttribute("aria-pressed", "true");
      play.textContent = "❚❚ Pause";
      const pace = matchMedia("(prefers-reduced-motion: reduce)").matches ? 1500 : 450;
      timer = setInterval(() => {
        if (leader.value === leader.max) { stop(); return; }
        leader.value = String(Number(leader.value) + 1);
        paint(leader); follow(leader);
      }, pace);
    });
  }

  /* One class of the sheet: the picture is moved behind its frame. */
  const picker = byId("class-picker");
  function pick() {
    for (const frame of all(".frame[data-rows]")) {
      const classes = JSON.parse(frame.dataset.classes);
      const row = classes.indexOf(picker.value);
      const image = frame.querySelector("img");
      const names = frame.parentElement.querySelectorAll(".row-names li");
      const alone = picker.value !== "" && row >= 0;
      frame.style.aspectRatio = alone ? image.getAttribute("width") + " / " + image.getAttribute("height") / classes.length : "";
      frame.style.flex = alone ? "1" : "";
      image.style.transform = alone ? "translateY(" + (-100 * row) / classes.length + "%)" : "";
      names.forEach((name, i) => { name.hidden = alone && i !== row; });
    }
  }
  if (picker) picker.addEventListener("change", pick);

  /* Examples behind the cells of a confusion matrix. */
  for (const cell of all("button[data-cells]")) {
    cell.setAttribute("aria-pressed", "false");
    cell.addEventListener("click", () => {
      const sheet = data.sprites[cell.dataset.cells];
      const [row, n] = sheet.rows[cell.dataset.at];
      const box = byId(cell.dataset.cells);
      for (const other of all('button[data-cells="' + cell.dataset.cells + '"]')) other.setAttribute("aria-pressed", String(other === cell));
      const caption = document.createElement("p");
      caption.className = "meta";
      caption.textContent = cell.getAttribute("aria-label").replace(": show examples", "") + "; " + n + (n === 1 ? " example" : " examples");
      const image = document.createElement("div");
      const image_rows = Object.keys(sheet.rows).length;
      image.className = "crop";
      image.setAttribute("role", "img");
      image.setAttribute("aria-label", caption.textContent);
      image.style.cssText = "height:3.4rem;width:" + 3.4 * sheet.aspect * n + "rem";
      image.style.backgroundImage = "url(" + JSON.stringify(sheet.src) + ")";
      image.style.backgroundSize = (100 * sheet.columns) / n + "% " + 100 * image_rows + "%";
      image.style.backgroundPosition = "0 " + (image_rows > 1 ? (100 * row) / (image_rows - 1) : 0) + "%";
      box.replaceChildren(caption, image);
    });
  }

  /* One image of a sheet, or one crop, in large, beside its nearest real images where the sheet has them; arrow keys go
     on to its neighbours. */
  const large = document.body.appendChild(Object.assign(document.createElement("dialog"), { className: "large" }));
  const LARGE = 0.72; // of the smaller side of the window
  let sheet = null;
  function cropped(source, columns, rows, index, width, height) {
    const crop = Object.assign(document.createElement("div"), { className: "crop" });
    crop.style.width = width + "px";
    crop.style.height = height + "px";
    crop.style.backgroundImage = "url(" + JSON.stringify(source) + ")";
    crop.style.backgroundSize = 100 * columns + "% " + 100 * rows + "%";
    const along = (place, of) => (of > 1 ? (100 * place) / (of - 1) : 0) + "%";
    crop.style.backgroundPosition = along(index % columns, columns) + " " + along(Math.floor(index / columns), rows);
    return crop;
  }
  function tilesOf(frame) {
    const [columns, rows] = frame.dataset.zoom.split(" ").map(Number);
    return JSON.parse(frame.dataset.words || "[]").length || columns * rows;
  }
  function showTile(index) {
    const [columns, rows] = sheet.dataset.zoom.split(" ").map(Number);
    const spoken = JSON.parse(sheet.dataset.words || "[]");
    const n = tilesOf(sheet);
    sheet.tile = (index + n) % n;
    const image = sheet.querySelector("img");
    const names = JSON.parse(sheet.dataset.classes || "[]");
    const name = names.length === rows ? ", " + names[Math.floor(sheet.tile / columns)] : "";
    const aspect = (image.naturalWidth / columns) / (image.naturalHeight / rows);
    const each = Number(sheet.dataset.each || 0);
    const side = Math.min(LARGE * Math.min(innerWidth, innerHeight), (0.95 * innerWidth - 64) / (1 + each));
    const [width, height] = [Math.min(side, side * aspect), Math.min(side, side / aspect)];
    const words = (spoken[sheet.tile] || image.alt.split("; rows")[0] + name) + (each ? "; to the right the nearest real images" : "");
    const shown = document.createElement("div");
    shown.className = "shown";
    shown.setAttribute("role", "img");
    shown.setAttribute("aria-label", words);
    shown.append(cropped(image.src, columns, rows, sheet.tile, width, height));
    for (let i = 0; i < each; i += 1) shown.append(cropped(sheet.dataset.near, each, n, sheet.tile * each + i, width, height));
    large.replaceChildren(shown, Object.assign(document.createElement("p"), { textContent: words }));
    if (!large.open) large.showModal();
  }
  for (const frame of all(".frame[data-zoom]")) {
    frame.addEventListener("click", (event) => {
      const [columns, rows] = frame.dataset.zoom.split(" ").map(Number);
      const box = frame.querySelector("img").getBoundingClientRect();
      const index = Math.floor(((event.clientY - box.top) / box.height) * rows) * columns + Math.floor(((event.clientX - box.left) / box.width) * columns);
      if (index >= tilesOf(frame)) return; // black: the last row is not full
      sheet = frame;
      showTile(index);
    });
    frame.addEventListener("keydown", (event) => { if (event.key === "Enter") { sheet = frame; showTile(frame.tile || 0); } });
  }
  for (const crop of all(".neighbours .crop, .galleries .crop")) {
    crop.addEventListener("click", () => {
      const box = crop.getBoundingClientRect();
      const copy = crop.cloneNode();
      const scale = (LARGE * Math.min(innerWidth, innerHeight * (box.width / box.height))) / box.width;
      const style = getComputedStyle(crop);
      copy.style.cssText += ";width:" + box.width * scale + "px;height:" + box.height * scale + "px;background-image:" + style.backgroundImage;
      sheet = null;
      large.replaceChildren(copy, Object.assign(document.createElement("p"), { textContent: crop.getAttribute("aria-label") || "" }));
      large.showModal();
    });
  }
  large.addEventListener("click", () => large.close());
  large.addEventListener("keydown", (event) => {
    const columns = sheet ? Number(sheet.dataset.zoom.split(" ")[0]) : 0;
    const moves = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns };
    if (!sheet || !(event.key in moves)) return;
    event.preventDefault();
    showTile(sheet.tile + moves[event.key]);
  });

  /* Charts: the values under the pointer, and the drawing as a file. */
  function under(svg, event) {
    const [left, right, low, high] = svg.dataset.x.split(" ").map(Number);
    const [bottom, top, small, big] = svg.dataset.y.split(" ").map(Number);
    const at = svg.createSVGPoint();
    at.x = event.clientX;
    const x = at.matrixTransform(svg.getScreenCTM().inverse()).x;
    if (x < left || x > right) return "";
    const found = [];
    let step = null;
    for (const group of all(".plot", svg).filter((group) => group.querySelector("title") && !group.classList.contains("dim"))) {
      const path = group.querySelector("path:not(defs path)");
      const points = path ? pieces(path.dataset.drawn || path.getAttribute("d")).filter((piece) => piece[0] !== "z") : [];
      if (!points.length) continue;
      const near = points.reduce((a, b) => (Math.abs(b[1] - x) < Math.abs(a[1] - x) ? b : a));
      step = step === null ? low + ((near[1] - left) / (right - left)) * (high - low) : step;
      found.push(group.querySelector("title").textContent + " " + minus(String(Number((small + ((bottom - near[2]) / (bottom - top)) * (big - small)).toPrecision(3)))));
    }
    return found.length ? number(Math.round(step)) + ": " + found.slice(0, 6).join(" · ") : "";
  }
  function resolved(svg) {
    const copy = svg.cloneNode(true);
    for (const hidden of all(svg.classList.contains("log") ? ".linear-axis" : ".log-axis", copy)) hidden.remove();
    const probe = document.body.appendChild(document.createElement("i"));
    const colour = (variable) => { probe.style.color = "var(" + variable + ")"; return getComputedStyle(probe).color; };
    copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
    const [, , width, height] = svg.getAttribute("viewBox").split(" ");
    copy.setAttribute("width", width);
    copy.setAttribute("height", height);
    copy.style.cssText = "font-family:" + getComputedStyle(document.documentElement).fontFamily + ";background:" + colour("--card");
    for (const text of all("text", copy)) text.setAttribute("fill", colour("--muted"));
    const drawn = new XMLSerializer().serializeToString(copy).replace(/var\((--[a-z0-9]+)\)/g, (whole, name) => colour(name));
    probe.remove();
    return { drawn, width: Number(width), height: Number(height) };
  }
  function save(href, name) {
    const link = Object.assign(document.createElement("a"), { href, download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(href), 1000);
  }
  function saveChart(svg, kind) {
    const name = svg.getAttribute("aria-labelledby").split("-t ")[0].replace(/[^\w-]+/g, "_") + "." + kind;
    const { drawn, width, height } = resolved(svg);
    if (kind === "svg") { save(URL.createObjectURL(new Blob([drawn], { type: "image/svg+xml" })), name); return; }
    const picture = new Image();
    picture.onload = () => {
      const canvas = Object.assign(document.createElement("canvas"), { width: 3 * width, height: 3 * height });
      canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
      canvas.toBlob((blob) => save(URL.createObjectURL(blob), name));
    };
    picture.src = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(drawn);
  }
  for (const svg of all("figure .chart")) {
    const caption = svg.closest("figure").querySelector("figcaption") || svg.parentElement.insertBefore(document.createElement("figcaption"), svg);
    const box = caption.appendChild(Object.assign(document.createElement("span"), { className: "save" }));
    for (const kind of ["svg", "png"]) {
      const button = box.appendChild(Object.assign(document.createElement("button"), { type: "button", textContent: kind.toUpperCase() }));
      button.setAttribute("aria-label", "Save as " + kind.toUpperCase() + ": " + svg.querySelector("title").textContent);
      button.addEventListener("click", () => saveChart(svg, kind));
    }
    if (!svg.closest("#curves")) continue;
    const out = caption.appendChild(Object.assign(document.createElement("span"), { className: "readout" }));
    svg.addEventListener("pointermove", (event) => { out.textContent = under(svg, event); });
    svg.addEventListener("pointerleave", () => { out.textContent = ""; });
  }

  /* Sorting: a button in each head; numbers by their full value, groups stay groups. */
  function key(row, column) {
    const cell = row.children[column];
    if (!cell) return "";
    const holder = cell.dataset.value !== undefined ? cell : cell.querySelector("[data-value]");
    const text = holder ? holder.dataset.value : cell.textContent.trim();
    const value = Number(text.replace(/[\u2009\u202f%\s]/g, "").replace("−", "-"));
    return text !== "" && Number.isFinite(value) ? value : text;
  }
  function compare(a, b) {
    if (typeof a === "number" && typeof b === "number") return a - b;
    if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1;
    return a.localeCompare(b);
  }
  for (const table of all("table.sortable")) {
    all("thead th", table).forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      while (head.firstChild) button.appendChild(head.firstChild);
      head.appendChild(button);
      button.addEventListener("click", () => {
        const up = head.getAttribute("aria-sort") !== "ascending";
        for (const other of all("thead th", table)) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        for (const body of all("tbody", table)) {
          const rows = all("tr:not(.group)", body).map((row) => [key(row, column), row]);
          rows.sort((a, b) => (up ? 1 : -1) * compare(a[0], b[0]));
          for (const [, row] of rows) body.appendChild(row);
        }
      });
    });
  }

  /* The headline of each table first, the rest when it is asked for. */
  const unfolds = all("[data-unfold]");
  function fold(button, folded) {
    const table = button.closest(".run-block").querySelector("table");
    if (folded) table.dataset.folded = ""; else delete table.dataset.folded;
    button.setAttribute("aria-expanded", String(!folded));
    button.textContent = folded ? button.dataset.more : button.dataset.less;
  }
  for (const button of unfolds) {
    fold(button, true);
    button.addEventListener("click", () => fold(button, button.getAttribute("aria-expanded") === "true"));
  }
  function showTarget() {
    const row = location.hash.startsWith("#m-") && byId(location.hash.slice(1));
    const button = row && row.closest(".run-block").querySelector("[data-unfold]");
    if (button && row.classList.contains("more")) { fold(button, false); row.scrollIntoView(); }
  }
  function showCard() {
    const card = location.hash.startsWith("#run-") && byId(location.hash.slice(1));
    const closed = card && card.closest("details:not([open])");
    if (closed) { closed.open = true; card.scrollIntoView(); }
  }
  addEventListener("hashchange", showCard);
  addEventListener("hashchange", showTarget);
  showTarget();

  /* Filter and copy the metric table. */
  function tables() { return all("#metrics .run-block:not([hidden]) table"); }
  for (const field of all("[data-filter]")) {
    field.addEventListener("input", () => {
      const wanted = field.value.trim().toLowerCase();
      for (const button of unfolds) fold(button, wanted === "");
      for (const row of all("#metrics tr[data-metric]")) row.hidden = !row.dataset.metric.toLowerCase().includes(wanted);
      for (const body of all("#metrics tbody")) body.hidden = !all("tr[data-metric]:not([hidden])", body).length;
    });
  }
  function say(button, words) {
    const status = button.parentElement.querySelector("[role=status]");
    if (status) status.textContent = words; else button.textContent = words;
  }
  function copy(button, text) {
    const done = () => say(button, "Copied");
    const fallback = () => {
      const area = document.createElement("textarea");
      area.value = text;
      document.body.appendChild(area);
      area.select();
      const worked = document.execCommand("copy");
      area.remove();
      say(button, worked ? "Copied" : "The browser does not allow copying");
      button.focus();
    };
    if (navigator.clipboard) navigator.clipboard.writeText(text).then(done, fallback); else fallback();
  }
  const shown = (row) => Array.from(row.children).map((cell) => {
    const copyOf = cell.cloneNode(true);
    for (const hidden of all(".sr", copyOf)) hidden.remove();
    return copyOf.textContent.trim().replace(/\s+/g, " ");
  });
  function markdown() {
    const clean = (text) => text.replace(/[|\\`<]/g, "\\$&");
    return tables().map((table) => {
      const rows = all("tr:not(.group):not([hidden])", table).filter((row) => !("folded" in table.dataset && row.classList.contains("more"))).map(shown);
      const body = rows.map((row) => "| " + row.map(clean).join(" | ") + " |");
      return "**" + clean(table.dataset.runId) + "**\n\n" + body[0] + "\n|" + " --- |".repeat(rows[0].length) + "\n" + body.slice(1).join("\n") + "\n";
    }).join("\n");
  }
  for (const button of all("[data-copy-as]")) button.addEventListener("click", () => copy(button, button.dataset.copyAs === "latex" ? data.latex : markdown()));
  for (const button of all("[data-copy-text]")) button.addEventListener("click", () => copy(button, button.dataset.copyText));

  /* Downloads from the data in the page. */
  for (const button of all("[data-download]")) {
    button.addEventListener("click", () => {
      const json = button.dataset.download.endsWith(".json");
      const text = json ? JSON.stringify(data.report, null, 2) + "\n" : data.csv;
      save(URL.createObjectURL(new Blob([text], { type: json ? "application/json" : "text/csv" })), button.dataset.download);
      say(button, button.dataset.download + " saved");
    });
  }

  /* Colours: system, light, dark. */
  const theme = byId("theme");
  const NAMES = { "": "System", light: "Light", dark: "Dark" };
  function setTheme(name) {
    if (name) document.documentElement.dataset.theme = name; else delete document.documentElement.dataset.theme;
    theme.querySelector("span").textContent = NAMES[name];
    theme.setAttribute("aria-label", "Colours: " + (name ? NAMES[name].toLowerCase() : "as the system"));
    try { localStorage.setItem("ganeval-theme", name); } catch (ignored) { /* a page from disk may have no storage */ }
  }
  function turn() {
    const order = ["", "light", "dark"];
    setTheme(order[(order.indexOf(document.documentElement.dataset.theme || "") + 1) % 3]);
  }
  theme.addEventListener("click", turn);
  let stored = "";
  try { stored = localStorage.getItem("ganeval-theme") || ""; } catch (ignored) { /* see above */ }
  if (stored in NAMES && stored) setTheme(stored);
  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "t" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName) || shortcut.getAttribute("aria-pressed") === "false") return;
    turn();
  });
  const shortcut = byId("shortcut");
  function setShortcut(on) {
    shortcut.setAttribute("aria-pressed", String(on));
    shortcut.textContent = on ? "Key T: on" : "Key T: off";
    try { localStorage.setItem("ganeval-shortcut", on ? "" : "off"); } catch (ignored) { /* see above */ }
  }
  shortcut.addEventListener("click", () => setShortcut(shortcut.getAttribute("aria-pressed") === "false"));
  try { if (localStorage.getItem("ganeval-shortcut") === "off") setShortcut(false); } catch (ignored) { /* see above */ }

  /* Where the reader is. */
  const links = new Map(all(".contents a").map((link) => [link.getAttribute("href").slice(1), link]));
  if ("IntersectionObserver" in window) {
    const seen = new Set();
    const watcher = new IntersectionObserver((entries) => {
      for (const entry of entries) { if (entry.isIntersecting) seen.add(entry.target.id); else seen.delete(entry.target.id); }
      const current = all("main > section").find((section) => seen.has(section.id));
      for (const [id, link] of links) { if (current && id === current.id) link.setAttribute("aria-current", "location"); else link.removeAttribute("aria-current"); }
    }, { rootMargin: "-15% 0px -55% 0px" });
    for (const section of all("main > section")) watcher.observe(section);
  }

  /* Paper shows the tables. */
  addEventListener("beforeprint", () => { for (const button of unfolds) fold(button, false); for (const d of all("details")) { d.dataset.was = d.open ? "1" : ""; d.open = true; } });
  addEventListener("afterprint", () => { for (const d of all("details")) d.open = d.dataset.was === "1"; });
})();
