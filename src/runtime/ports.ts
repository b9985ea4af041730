/** Where values enter and leave a schedule. @module */
import type { TensorType } from "../tensor/tensor.ts";

/** An input of the whole graph, in plain layout. */
export interface Port {
  /** Its name. */
  readonly name: string;
  /** Its type. */
  readonly type: TensorType;
  /** The number of its region. */
  readonly region: number;
}

/** An output of the whole graph. */
export interface OutputPort extends Port {
  /** How it lies there: the host can drop the padding of rows. */
  readonly layout: "plain" | "rows";
}

/** State that an output of one run hands to the next, in plain layout. */
export interface CarriedPort extends Port {
  /** The number of the region that the next run reads it from; a buffer that nothing else lies in. */
  readonly next: number;
}
