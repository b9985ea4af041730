/** Where plans run. @module */
import type { Tensor } from "../tensor/tensor.ts";
import type { ExecutionPlan } from "./plan.ts";

/** A plan made ready on a device. */
export interface Executable extends Disposable {
  /** Bytes of device memory that it holds for itself: activations, inputs and outputs. */
  readonly bytes: number;
  /** Runs the plan once. */
  run(inputs: ReadonlyMap<string, Tensor>): Promise<Map<string, Tensor>>;
}

/** A device that runs plans. */
export interface Backend extends AsyncDisposable {
  /** Which kind it is. */
  readonly name: "webgpu" | "cpu";
  /** What the device calls itself. */
  readonly device: string;
  /** Bytes of device memory that constants of all models take. */
  readonly constantBytes: number;
  /** Makes a plan ready to run. */
  prepare(plan: ExecutionPlan): Promise<Executable>;
}
