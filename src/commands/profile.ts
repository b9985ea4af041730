/** `profile`: where the time of a run goes. @module */
import { profileText } from "../report/profile.ts";
import { type Profile, profileModel } from "../runtime/profile.ts";
import { countOf, UsageError } from "./arguments.ts";
import { BACKEND_OPTIONS, backendOf, openOwn } from "./backend.ts";
import { type Command, EXIT } from "./command.ts";
import { checkWritable, readModel, writeWhole } from "./files.ts";
import { firstBatch, randomInputs } from "./inputs.ts";

/** `profile` */
export const profileCommand: Command = {
  summary: "Show how long each operation of a model takes, and how near that is to what the device can do",
  usage: "profile MODEL [MODEL ...] [--input [NAME=]X.npy ...] [--batch N] [--shape NAME=1,3,224,224 ...]",
  notes: [
    "Without --input the inputs are random. G/s counts a multiply-add of Conv, MatMul and Gemm as 2 operations;",
    "MB counts the inputs, constants and outputs of a launch once. A launch is repeated in a row while it is timed.",
  ],
  options: [
    { name: "input", value: "[NAME=]X.npy", repeated: true, help: "items for an input; the first batch is used" },
    { name: "batch", value: "N", help: "items at once, where the model leaves that open" },
    { name: "shape", value: "NAME=SIZES", repeated: true, help: "the shape of a random input, such as x=1,3,224,224" },
    { name: "rounds", value: "N", help: "rounds that medians are taken of (default: 5)" },
    { name: "top", value: "N", help: "list only the N launches that take longest" },
    { name: "json", value: "FILE", help: "write the profiles to a file too, as a JSON array" },
    ...BACKEND_OPTIONS,
  ],
  async run(args, terminal): Promise<number> {
    if (args.positionals.length === 0) throw new UsageError("MODEL is missing");
    if (args.has("input") && args.has("shape")) throw new UsageError("--input and --shape exclude each other");
    const [batch, rounds, top] = ["batch", "rounds", "top"].map((name) => countOf(args, name));
    backendOf(args);
    const json = args.value("json");
    if (json !== undefined) await checkWritable(json);
    const models = [];
    for (const file of args.positionals) {
      const graph = await readModel(file);
      const inputs = args.has("input")
        ? await firstBatch(graph.inputs, args.values("input"), batch)
        : randomInputs(graph.inputs, args.values("shape"), batch);
      models.push({ file, graph, inputs });
    }
    await using backend = await openOwn(args, terminal);
    const profiles: ({ readonly file: string } & Profile)[] = [];
    for (const { file, graph, inputs } of models) {
      const profile = await profileModel(graph, inputs, backend, rounds === undefined ? {} : { rounds });
      profiles.push({ file, ...profile });
      terminal.out(
        `${profiles.length > 1 ? "\n" : ""}${file} on ${profileText(profile, top === undefined ? {} : { top })}`,
      );
    }
    if (json !== undefined) {
      await writeWhole(json, new TextEncoder().encode(JSON.stringify(profiles, null, 2) + "\n"));
    }
    return EXIT.done;
  },
};
