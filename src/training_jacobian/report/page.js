// Tables that can be sorted, and the direction explorer.  The page works without, but for these.
const byId = (id) => document.getElementById(id);
const parsed = (id) => JSON.parse(byId(id).textContent);
const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const dark = matchMedia("(prefers-color-scheme: dark)");

function element(tag, text = "", properties = {}) {
  return Object.assign(document.createElement(tag), { textContent: text, ...properties });
}

// DataTables is a module, which can only be loaded from an address: one inside the page
async function sortTables() {
  const source = new Blob([byId("tables-module").textContent], { type: "text/javascript" });
  const { ITable } = await import(URL.createObjectURL(source));
  const sortable = (table) => {
    if (table.dataset.ready) return;
    table.dataset.ready = "yes";
    const many = table.tBodies[0].rows.length > 15;
    const layout = { topStart: many ? "search" : null, topEnd: null, bottomStart: null, bottomEnd: null };
    new ITable(table, { paging: false, order: [], autoWidth: false, layout });
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    const folded = table.closest("details"); // most are never opened
    if (folded) folded.addEventListener("toggle", () => sortable(table), { once: true });
    else sortable(table);
  }
  document.documentElement.dataset.sortable = "yes";
}

const explored = parsed("explored");
const state = { run: Object.keys(explored)[0], index: 1 };
let view;

const directions = () => explored[state.run].directions;
const current = () => directions().find((each) => each.index === state.index);

function nearest(index) {
  return directions().reduce((a, b) => (Math.abs(b.index - index) < Math.abs(a.index - index) ? b : a)).index;
}

async function drawSpectrum() {
  const specification = { ...parsed("chart"), datasets: data() };
  const text = { labelColor: color("ink"), titleColor: color("ink"), gridColor: color("line"), tickColor: color("soft") };
  Object.assign(specification.config, {
    background: "transparent", axis: { ...text, domainColor: color("soft") }, view: { stroke: color("line") },
    legend: { ...specification.config.legend, ...text },
  });
  const options = { actions: false, renderer: "svg", ast: false, tooltip: { theme: dark.matches ? "dark" : "light" } };
  view = (await vegaEmbed("#spectrum", specification, options)).view;
  view.addSignalListener("pick", (_, picked) => picked.index && go(picked.index[0]));
  await view.signal("at", state.index).runAsync();
}

function data() {
  const { curve, directions } = explored[state.run];
  return { curve, directions: directions.map(({ index, y, sigma, region }) => ({ index, y, sigma, region })) };
}

function go(wanted) {
  const index = nearest(wanted);
  state.index = index;
  byId("told").textContent = index === wanted ? "" :
    `The vectors of direction ${wanted} are not in this file; the nearest that is: ${index}. Its numbers are in directions.csv.`;
  byId("index").value = index;
  if (view) view.signal("at", index).runAsync(); // a click comes from within a run
  show();
}

function step(by) {
  const all = directions();
  const place = all.findIndex((each) => each.index === state.index) + by;
  go(all[Math.min(Math.max(place, 0), all.length - 1)].index);
}

function region(each) {
  return each.exact ? `${each.region}, exact: no gradient touches it` : each.region;
}

function show() {
  const each = current(), { size, parts, measures } = explored[state.run];
  const slider = byId("spectrum");
  const said = `direction ${each.index} of ${size}, ${region(each)}, singular value ${each.sigma}`;
  for (const [name, value] of Object.entries({ min: 1, max: size, now: each.index, text: said })) {
    slider.setAttribute(`aria-value${name}`, value);
  }
  const rows = [
    ["Direction i", `${each.index} of ${size}`], ["Region", region(each), each.region], ["Singular value σ", each.sigma],
    ["Distance |σ − 1|", each.distance_from_one], ["Cosine u · v", each.cosine_uv],
    ["Displacement |v · (θ_T − θ_0)|", each.displacement ?? "not computed for this run"],
  ];
  byId("numbers").tBodies[0].replaceChildren(...rows.map(([name, value, style]) => row([name], [[value, style]])));
  showDivergence(each, measures);
  byId("vectors").replaceChildren(...["v", "u"].map((side) => drawn(each, side)));
  showParts(each, parts);
}

function row(heads, values) {
  const made = element("tr");
  made.append(...heads.map((head) => element("th", head, { scope: "row" })));
  made.append(...values.map(([value, style = ""]) => element("td", value, { className: style })));
  return made;
}

function table(caption, columns, rows) {
  const made = element("table"), head = element("tr");
  head.append(...columns.map((column) => element("th", column, { scope: "col" })));
  made.append(element("caption", caption), made.createTHead(), made.createTBody());
  made.tHead.append(head);
  made.tBodies[0].append(...rows);
  return made;
}

function showDivergence(each, measures) {
  const heads = { kl_max: "largest KL", kl_mean: "mean KL", squared_max: "largest square", squared_mean: "mean square" };
  const columns = ["Inputs", ...(measures.divergence ?? []).map((name) => heads[name] ?? name)];
  const rows = (each.divergence ?? []).map(([inputs, ...values]) => row([inputs], values.map((value) => [value])));
  const made = rows.length ? table("How much a step along v changes the outputs", columns, rows) :
    element("p", "How the outputs answer a step along v was not computed for this run.", { className: "small" });
  byId("divergence").replaceChildren(made);
}

function drawn(each, side) {
  const made = element("figure"), { picture, scale } = each[side];
  const what = `${side}_${each.index}, at the ${side === "v" ? "start" : "end"} of training`;
  const caption = element("figcaption");
  if (picture) {
    const read = `${what}: the weights from the inputs to each unit of the first layer as one small image.`;
    made.append(element("img", "", { src: picture, alt: `Singular vector ${read} Blue is negative, red positive.` }));
    caption.append(element("p", `${what}. One small image a unit of the first layer: blue negative, white 0, red positive; full colour from ${scale} on.`));
  } else {
    caption.append(element("p", `${what}: its first layer cannot be drawn as images; see its shares below.`));
  }
  made.append(caption);
  return made;
}

function showParts(each, parts) {
  const rows = parts.map((part, place) => {
    const made = row([part], []);
    for (const side of ["v", "u"]) {
      const share = each[side].shares[place], cell = element("td");
      const bar = element("span", "", { className: "bar" });
      bar.style.width = `${6 * share}rem`;
      cell.append(bar, `${(100 * share).toFixed(1)} %`);
      made.append(cell);
    }
    return made;
  });
  byId("parts").replaceChildren(table("Where in the network the direction lies: share of its square", ["Parameters", "v (start)", "u (end)"], rows));
}

function jumps() {
  const names = { chaotic: "most chaotic", bulk: "bulk", exact: "exact bulk", stable: "most stable" };
  const of = (name) => directions().filter((each) => (each.exact ? "exact" : each.region) === name).map((each) => each.index);
  const place = { chaotic: (all) => all[0], stable: (all) => all.at(-1) };
  const made = Object.keys(names).filter((name) => of(name).length).map((name) => {
    const button = element("button", names[name], { type: "button" });
    button.addEventListener("click", () => go((place[name] ?? ((all) => all[Math.floor(all.length / 2)]))(of(name))));
    return button;
  });
  byId("jumps").replaceChildren(...made);
}

function choose(run) {
  state.run = run;
  byId("index").max = explored[run].size;
  jumps();
  go(state.index);
  return drawSpectrum();
}

const KEYS = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 8, PageDown: -8, Home: -Infinity, End: Infinity };
function explore() {
  byId("run").addEventListener("change", (event) => choose(event.target.value));
  byId("index").addEventListener("change", (event) => go(Number(event.target.value) || 1));
  byId("pick").addEventListener("submit", (event) => event.preventDefault());
  byId("previous").addEventListener("click", () => step(-1));
  byId("next").addEventListener("click", () => step(1));
  byId("spectrum").addEventListener("keydown", (event) => {
    if (!(event.key in KEYS) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    step(KEYS[event.key]);
  });
  return choose(state.run);
}

const darken = () => document.documentElement.classList.toggle("dark", dark.matches);
darken();
dark.addEventListener("change", () => { darken(); if (view) drawSpectrum(); });
await Promise.all([sortTables(), state.run ? explore() : null]);
document.documentElement.dataset.ready = "yes"; // for tests
