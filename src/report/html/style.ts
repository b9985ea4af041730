/** The looks of the report page: light and dark by the reader's setting, and for paper. @module */

/**
 * The style sheet. Blue stands for INT8 and orange for FP32: a pair that people with any colour vision tell apart (Okabe and
 * Ito 2008); marks differ in shape too.
 */
export const STYLE = `
:root { color-scheme: light dark; --back: #ffffff; --ink: #1b1f24; --soft: #5b6470; --line: #d5dae0; --faint: #f4f6f8;
  --int8: #0072b2; --fp32: #d55e00; --good: #00704f; --bad: #b3261e; --limit: #6f7782; --span: #c9d0d8; --fill: #0072b214; }
@media (prefers-color-scheme: dark) { :root { --back: #14171a; --ink: #e6e9ec; --soft: #a2abb5; --line: #363d45;
  --faint: #1d2126; --int8: #56b4e9; --fp32: #f0913a; --good: #3fc69c; --bad: #ff8a80; --limit: #939ca6; --span: #4a535d; --fill: #56b4e91a; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--ink); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto,
  "Helvetica Neue", Arial, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 3rem 0 .5rem; padding-top: .75rem; border-top: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.5rem 0 .25rem; }
p { margin: .5rem 0; max-width: 46rem; }
a { color: var(--int8); }
code { font: .92em ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; unicode-bidi: isolate;
  overflow-wrap: anywhere; white-space: pre-wrap; }
.kicker { color: var(--soft); margin: 0 0 .25rem; }
.verdict { border-left: 4px solid var(--soft); background: var(--faint); padding: .75rem 1rem; margin: 1.25rem 0; }
.verdict p { margin: 0; max-width: none; } .verdict p + p { margin-top: .4rem; color: var(--soft); }
.verdict strong { font-size: 1.1rem; }
.verdict.good { border-color: var(--good); } .verdict.good strong { color: var(--good); }
.verdict.bad { border-color: var(--bad); } .verdict.bad strong { color: var(--bad); }
nav { display: flex; flex-wrap: wrap; gap: .25rem 1.1rem; font-size: .9rem; margin: 1.5rem 0 0; }
nav a { white-space: nowrap; text-decoration: none; }
nav a:hover { text-decoration: underline; }
dl.figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); gap: 1rem 1.5rem; margin: 1.5rem 0; }
dl.figures div { border-top: 1px solid var(--line); padding-top: .4rem; }
dl.figures dt { color: var(--soft); font-size: .85rem; }
dl.figures dd { margin: 0; font-variant-numeric: tabular-nums; }
dl.figures dd.main { font-size: 1.35rem; line-height: 1.3; }
dl.figures dd + dd { color: var(--soft); font-size: .85rem; }
figure { margin: 1rem 0; } svg { display: block; width: 100%; height: auto; overflow: visible; }
figcaption { color: var(--soft); font-size: .85rem; max-width: 46rem; }
svg text { font: 12px system-ui, -apple-system, "Segoe UI", Roboto, Arial, sans-serif; fill: var(--soft);
  font-variant-numeric: tabular-nums; }
svg text.label, svg text.value { fill: var(--ink); } svg text.strong { fill: var(--ink); font-weight: 600; }
svg text.small { font-size: 10px; }
svg text.name { fill: var(--ink); font: 11px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
.axis path { stroke: var(--soft); fill: none; } .axis path.grid { stroke: var(--line); }
.int8 { fill: var(--int8); } .fp32 { fill: var(--fp32); } .mark { fill: var(--fp32); }
.dot { fill: var(--int8); } .dot.part { fill: var(--back); stroke: var(--int8); stroke-width: 1.5; }
.dot.other { fill: var(--soft); fill-opacity: .55; }
.ring { fill: none; stroke: var(--good); stroke-width: 2.5; } .path { fill: none; stroke: var(--int8); stroke-width: 1.5; }
.limit { stroke: var(--limit); stroke-dasharray: 5 4; fill: none; } .within { fill: var(--fill); }
.span { fill: var(--span); } .whisker { stroke: var(--int8); stroke-width: 2.5; fill: none; }
.legend { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; font-size: .85rem; color: var(--soft); margin: .75rem 0 0; }
.legend i { display: inline-block; width: .8rem; height: .8rem; margin-right: .4rem; vertical-align: -.08rem; }
.legend i.int8 { background: var(--int8); } .legend i.fp32 { background: var(--fp32); }
.legend i.span { background: var(--span); }
.legend i.dot { background: var(--int8); border-radius: 50%; transform: scale(.8); }
.legend i.part { background: none; border: 2px solid var(--int8); }
.legend i.other { background: var(--soft); opacity: .55; }
.legend i.ring { border: 2.5px solid var(--good); border-radius: 50%; }
.legend i.limit { height: 0; border-top: 2px dashed var(--limit); vertical-align: .25rem; }
.scroll { overflow-x: auto; } .scroll.long { max-height: 34rem; overflow-y: auto; border: 1px solid var(--line); }
table { border-collapse: collapse; width: 100%; font-size: .875rem; font-variant-numeric: tabular-nums; }
caption { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
th, td { text-align: left; padding: .3rem .75rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th { color: var(--soft); font-weight: 600; white-space: nowrap; }
.long th { position: sticky; top: 0; background: var(--back); } .long th:first-child, .long td:first-child { padding-left: .6rem; }
th.n, td.n { text-align: right; white-space: nowrap; } td.name { min-width: 11rem; }
tr.reverted td:first-child { box-shadow: inset 3px 0 var(--fp32); } td:first-child { padding-left: .6rem; }
th:first-child { padding-left: .6rem; } tr.accepted td, tr.chosen td { font-weight: 600; } tr.unused td { color: var(--soft); }
details { margin: .5rem 0; } summary { cursor: pointer; color: var(--soft); font-size: .85rem; }
pre { background: var(--faint); padding: .75rem 1rem; overflow-x: auto; margin: .5rem 0; white-space: pre-wrap; }
ul { padding-left: 1.2rem; max-width: 46rem; } li { margin: .25rem 0; overflow-wrap: anywhere; }
.tag { color: var(--fp32); font-weight: 600; } footer { color: var(--soft); font-size: .85rem; margin-top: 3rem; }
@media print { @page { margin: 15mm; } :root { color-scheme: light; --back: #fff; --ink: #000; --soft: #444; --line: #bbb;
  --faint: #f4f4f4; --int8: #0072b2; --fp32: #d55e00; --good: #00704f; --bad: #b3261e; --limit: #666; --span: #c9d0d8; --fill: #0072b214; }
  main { max-width: none; padding: 0; } nav, figure details { display: none; }
  .scroll, .scroll.long { max-height: none; overflow: visible; border: 0; } .long th { position: static; }
  figure, .verdict, tr { break-inside: avoid; } h2, h3 { break-after: avoid; } body { font-size: 10pt; } }
`;
