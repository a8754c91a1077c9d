// What to look for.

const CHOICES = {
  family: ["Family", [...new Set(data.losses.map(({ family }) => family))]],
  check: ["Check", tables.check],
  dtype: ["Dtype", tables.dtype.filter(Boolean)],
  flag: ["Flag", [...new Set(tables.flags.flat())].sort()],
  outcome: ["Outcome", OUTCOMES.filter((name) => groups.some(({ outcome }) => outcome === name))],
};

function field(name, label, control) {
  control.id = `filter-${name}`;
  control.name = name;
  return make("div", { class: "field" }, make("label", { for: control.id }, label), control);
}

function choice(name) {
  const [label, options] = CHOICES[name];
  const control = make("select", {}, make("option", { value: "" }, "all"));
  for (const option of options) control.append(make("option", { value: option }, option));
  return field(name, label, control);
}

function drawFilters(changed) {
  const form = document.getElementById("filters");
  const search = make("input", { type: "search", autocomplete: "off", spellcheck: "false" });
  form.append(field("text", "Search", search), ...Object.keys(CHOICES).map(choice));
  form.append(make("button", { type: "reset" }, "Reset"));
  const take = () => {
    for (const name of Object.keys(filter)) filter[name] = form.elements[name].value;
    changed();
  };
  form.addEventListener("input", take);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(take)); // the fields are empty after the event
}

function drawLegend() {
  const legend = document.getElementById("legend");
  legend.append(...CHOICES.outcome[1].map((outcome) => make("li", {}, sign(outcome), outcome)));
}
