/** Bringing the outputs of a run back. @module */
import { bytesOf, fromPlain, withoutPadding } from "../gpu/layout.ts";
import type { Mapper } from "../gpu/mapper.ts";
import type { Memory } from "../gpu/memory.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { OutputPort } from "./ports.ts";

interface StagedPort extends OutputPort {
  readonly offset: number;
  readonly size: number;
}

/** Brings the outputs of a run back through one mapped buffer. */
export class Readback implements Disposable {
  readonly #buffer: GPUBuffer;
  readonly #ports: readonly StagedPort[];
  readonly #mapper: Mapper;

  constructor(mapper: Mapper, outputs: readonly OutputPort[]) {
    let end = 0;
    this.#ports = outputs.map((port) => {
      const size = bytesOf(port.type, port.layout);
      const offset = end;
      end += size;
      return { ...port, offset, size };
    });
    this.#mapper = mapper;
    this.#buffer = mapper.buffer(end, "readback");
  }

  /** Bytes of the buffer. */
  get bytes(): number {
    return this.#buffer.size;
  }

  /** Encodes copies of the outputs into the buffer. */
  copy(encoder: GPUCommandEncoder, memory: readonly Memory[]): void {
    for (const { region, offset, size } of this.#ports) {
      memory[region]!.copyTo(encoder, this.#buffer, offset, size);
    }
  }

  /** Waits for the copies and returns the outputs by name. */
  read(): Promise<Map<string, Tensor>> {
    return this.#mapper.read(
      this.#buffer,
      (contents) =>
        new Map(this.#ports.map(({ name, type, layout, offset, size }): [string, Tensor] => {
          const { dtype, shape } = type;
          const bytes = layout === "rows"
            ? withoutPadding(type, new Uint8Array(contents, offset, size))
            : contents.slice(offset, offset + size);
          return [name, { dtype, shape, data: fromPlain(type, bytes) }];
        })),
    );
  }

  /** Frees the buffer. */
  [Symbol.dispose](): void {
    this.#buffer.destroy();
  }
}
