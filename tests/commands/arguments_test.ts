import assert from "node:assert/strict";
import {
  choiceOf,
  countOf,
  listOf,
  numberOf,
  type Option,
  parseArguments,
  UsageError,
} from "../../src/commands/arguments.ts";

const OPTIONS: readonly Option[] = [
  { name: "input", value: "X", repeated: true, help: "" },
  { name: "max-drop", value: "D", help: "" },
  { name: "json", help: "" },
  { name: "help", help: "" },
];

Deno.test("parseArguments() tells words, values and flags apart", () => {
  const args = parseArguments(
    ["a.onnx", "--json", "--max-drop", "0.5", "--input=a=1.npy", "--input", "b=2.npy", "7"],
    OPTIONS,
  );
  assert.deepEqual(args.positionals, ["a.onnx", "7"]);
  assert.ok(args.has("json") && args.has("max-drop") && !args.has("help"));
  assert.equal(args.value("max-drop"), "0.5");
  assert.deepEqual(args.values("input"), ["a=1.npy", "b=2.npy"]);
});

Deno.test("parseArguments() takes values that begin with a minus sign, words that look like numbers, and -h", () => {
  const args = parseArguments(["--max-drop", "-0.01", "1e3", "-h"], OPTIONS);
  assert.equal(numberOf(args, "max-drop"), -0.01);
  assert.deepEqual(args.positionals, ["1e3"]);
  assert.ok(args.has("help"));
});

Deno.test("parseArguments() takes words after -- as they are", () => {
  const args = parseArguments(["--json", "--", "--max-drop"], OPTIONS);
  assert.deepEqual(args.positionals, ["--max-drop"]);
  assert.ok(!args.has("max-drop"));
});

for (
  const [words, message] of [
    [["--maxdrop", "1"], /unknown option --maxdrop/],
    [["--weird=3"], /unknown option --weird$/],
    [["-x"], /unknown option -x/],
    [["--max-drop"], /--max-drop needs a value/],
    [["--max-drop="], /--max-drop needs a value/],
    [["--max-drop", "--json"], /--max-drop needs a value/],
    [["--json=yes"], /--json takes no value/],
    [["--max-drop", "1", "--max-drop", "2"], /--max-drop is given more than once/],
  ] as [string[], RegExp][]
) {
  Deno.test(`parseArguments() refuses ${words.join(" ")}`, () => {
    assert.throws(() => parseArguments(words, OPTIONS), (error) => {
      assert.ok(error instanceof UsageError);
      assert.match(error.message, message);
      return true;
    });
  });
}

Deno.test("numberOf() and countOf() refuse what is no such number", () => {
  const of = (value: string) => parseArguments([`--max-drop=${value}`], OPTIONS);
  for (const value of ["abc", "NaN", "Infinity", "1,5"]) {
    assert.throws(() => numberOf(of(value), "max-drop"), UsageError, value);
  }
  for (const value of ["0", "-1", "1.5"]) assert.throws(() => countOf(of(value), "max-drop"), UsageError, value);
  assert.equal(countOf(of("25"), "max-drop"), 25);
  assert.equal(countOf(parseArguments([], OPTIONS), "max-drop"), undefined);
});

Deno.test("choiceOf() and listOf() read words", () => {
  const args = parseArguments(["--max-drop", "a, b,,c"], OPTIONS);
  assert.deepEqual(listOf(args, "max-drop"), ["a", "b", "c"]);
  assert.throws(() => choiceOf(args, "max-drop", ["x", "y"]), {
    message: '--max-drop must be "x" or "y", got "a, b,,c"',
  });
});
