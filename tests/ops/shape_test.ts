import { shape } from "../../src/ops/shape.ts";
import { i64 } from "../../src/tensor/tensor.ts";
import { random, testOp } from "./harness.ts";

const x = random([2, 3, 4]);

testOp("Shape", {
  "gives the sizes": { op: shape(new Map(), 13), inputs: [x], outputs: [i64([2, 3, 4])], cpuOnly: true },
  "gives a part of them": {
    op: shape(new Map([["start", -2], ["end", -1]]), 15),
    inputs: [x],
    outputs: [i64([3])],
    cpuOnly: true,
  },
  "takes bounds that lie outside": {
    op: shape(new Map([["start", -9], ["end", 9]]), 15),
    inputs: [x],
    outputs: [i64([2, 3, 4])],
    cpuOnly: true,
  },
});
