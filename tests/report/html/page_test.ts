import assert from "node:assert/strict";
import { parse, type ParserError } from "parse5";
import { reportPage } from "../../../src/report/html/page.ts";
import { fullReport } from "../data.ts";

/** What the HTML standard has against a page. */
function faults(page: string): string[] {
  const found: string[] = [];
  parse(page, {
    sourceCodeLocationInfo: true,
    onParseError: ({ code, startLine, startCol }: ParserError) => found.push(`${code} at ${startLine}:${startCol}`),
  });
  return found;
}

/** A part of a parsed page. */
interface Element {
  readonly nodeName: string;
  readonly value?: string;
  readonly attrs?: readonly { readonly name: string; readonly value: string }[];
  readonly childNodes?: readonly Element[];
}

function* elements(node: Element): Generator<Element> {
  yield node;
  for (const child of node.childNodes ?? []) yield* elements(child);
}

function all(page: string, name: string): Element[] {
  return [...elements(parse(page) as unknown as Element)].filter(({ nodeName }) => nodeName === name);
}

function textIn(element: Element): string {
  return [...elements(element)].map(({ value }) => value ?? "").join("");
}

function attribute(element: Element, name: string): string | undefined {
  return element.attrs?.find((own) => own.name === name)?.value;
}

Deno.test("reportPage() is faultless HTML with every section", () => {
  const page = reportPage(fullReport());
  assert.deepEqual(faults(page), []);
  assert.deepEqual(all(page, "h2").map(textIn), [
    "Drop against reverted layers",
    "Kept in FP32",
    "Sensitivity of each group",
    "Recipes",
    "Pareto front: drop against cost",
    "Time of each layer",
    "Ranges and clipping",
    "To repeat this",
  ]);
  const ids = [...elements(parse(page) as unknown as Element)].flatMap((own) => attribute(own, "id") ?? []);
  assert.equal(new Set(ids).size, ids.length, "ids are unique");
  for (const link of all(page, "a")) assert.ok(ids.includes(attribute(link, "href")!.slice(1)));
});

Deno.test("reportPage() says what came out in words and numbers", () => {
  const text = textIn(all(reportPage(fullReport()), "main")[0]!);
  for (
    const part of [
      "Limit kept: top1 fell by 0.0075, within the permitted 0.0100, with 1 of 12 groups kept in FP32.",
      "With 800 items the standard error of the drop of top1 is 0.0041 and its 95 % interval -0.0005 to 0.0155.",
      "on other items the drop may be greater than 0.0100",
      "0.9000 → 0.8925",
      "all INT8 0.7000",
      "1.1 MB",
      "FP32 12.0 ms, 2.40 times as long",
      "4 evaluations, 2,550 item inferences",
      "in FP32 the metric goes from 0.8000 to 0.8900",
      "acqua quantize network.onnx --max-drop 0.01",
      "ab".repeat(32),
      '{"names":["head"]}',
      "More validation items would tell more.",
      'The scale of weights "w" was raised',
    ]
  ) {
    assert.ok(text.includes(part), part);
  }
});

Deno.test("reportPage() gives each chart a title and a description, and its data as a table", () => {
  const page = reportPage(fullReport());
  const figures = all(page, "figure");
  assert.equal(figures.length, 6);
  for (const figure of figures) {
    const [svg] = [...elements(figure)].filter(({ nodeName }) => nodeName === "svg");
    const names = attribute(svg!, "aria-labelledby")!.split(" ");
    const labels = [...elements(svg!)].filter((own) => names.includes(attribute(own, "id") ?? ""));
    assert.deepEqual(labels.map(({ nodeName }) => nodeName), ["title", "desc"]);
    for (const label of labels) assert.ok(textIn(label).length > 20);
    const tables = [...elements(figure)].filter(({ nodeName }) => nodeName === "table").length;
    assert.equal(tables, attribute(figure, "id") === "range-chart" ? 0 : 1);
  }
  assert.ok(all(page, "caption").map(textIn).includes("Ranges of quantized values, in the order of the network"));
});

Deno.test("reportPage() loads nothing and runs nothing", () => {
  const page = reportPage(fullReport());
  for (const name of ["script", "link", "img", "iframe", "object", "image", "use"]) {
    assert.deepEqual(all(page, name), [], name);
  }
  for (const element of elements(parse(page) as unknown as Element)) {
    for (const { name, value } of element.attrs ?? []) {
      assert.ok(!name.startsWith("on"), name);
      if (name === "href") assert.ok(value.startsWith("#"), value);
    }
  }
  assert.ok(!/url\(|@import|https?:/.test(page));
  assert.match(page, /Content-Security-Policy" content="default-src 'none'/);
});

const HOSTILE = [
  "<script>alert(1)</script>",
  '"><img src=x onerror=alert(1)>',
  "</style></svg></title>",
  "a&lt;b&amp;",
  "line\nbreak\u0000\u001b",
  "\u202Ereversed",
  "\ud800 half",
  "`${x}`",
];

Deno.test("reportPage() shows names as they are, whatever they hold", () => {
  const nameOf = (i: number): string => `${HOSTILE[i % HOSTILE.length]} ${i}`;
  const data = fullReport(16, nameOf);
  const page = reportPage({
    ...data,
    model: HOSTILE[0]!,
    warnings: HOSTILE,
    advice: HOSTILE,
    run: { ...data.run, command: HOSTILE[1]!, device: HOSTILE[0]!, options: { [HOSTILE[1]!]: HOSTILE } },
  });
  assert.deepEqual(faults(page), []);
  assert.deepEqual([...all(page, "script"), ...all(page, "img")], []);
  const names = all(page, "code").map(textIn);
  for (const plain of [0, 1, 2, 3]) assert.ok(names.includes(nameOf(plain)), nameOf(plain));
  assert.ok(names.includes(`line\nbreak␀␛ 4`));
});

Deno.test("reportPage() leaves out what is not known", () => {
  const { model, groups, run } = fullReport();
  const page = reportPage({
    ...{ model, metrics: [], advice: [], warnings: [], run: { ...run, files: [] } },
    groups: groups.map(({ id, nodes, operators }) => ({ id, nodes, operators, reverted: false })),
  });
  assert.deepEqual(faults(page), []);
  assert.deepEqual(all(page, "h2").map(textIn), ["To repeat this"]);
  assert.match(page, /No metric was measured/);
  assert.ok(!/undefined|NaN|null/.test(page.replace(/<style>[^]*?<\/style>/, "")));
});

Deno.test("reportPage() of a network of 600 groups stays below 2 MB and draws every group", () => {
  const page = reportPage(fullReport(600, (i) => `model/encoder/layers.${i}/attention/self/query/MatMul_quantized`));
  assert.deepEqual(faults(page), []);
  assert.ok(page.length < 2e6, `${page.length} characters`);
  const [figure] = all(page, "figure").filter((own) => attribute(own, "id") === "sensitivity-chart");
  assert.equal([...elements(figure!)].filter(({ nodeName }) => nodeName === "rect").length, 600);
});

Deno.test("reportPage() says where a limit was missed", () => {
  const data = fullReport();
  const missed = { ...data.metrics[0]!, drop: 0.02, reached: false };
  assert.match(reportPage({ ...data, metrics: [missed] }), /Limit missed<\/strong>: top1 fell by 0.0200, more than/);
});
