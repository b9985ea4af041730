// y = program(in0, in1, ...), each element alone, the inputs broadcast to the shape of y.
//
// y is [rows, columns], columns along its innermost axis; one invocation makes 4 * VECS columns of a row (16 bytes of
// i8, hence VECS is 4 where any tensor is i8). With FLAT y is one row, whose elements find their own place in inputs
// that are gathered. i8 inputs count as the whole numbers that they hold.
//
// Registers 0 .. INPUTS - 1 are the inputs.
// OPERANDi = access | is i8 << 4, see the accesses below.
// @use steps

const INPUTS: u32 = 1;
const COUNT: u32 = 1;
const VECS: u32 = 1;
const OUTER: u32 = 0; // axes of y outside the innermost one
const FLAT: u32 = 0;
const GATHERS: u32 = 1; // VECS, or 0 where no input is gathered: that code takes compilers long
const OUT_I8: u32 = 0;
const OPERAND0: u32 = 0;
const OPERAND1: u32 = 0;
const OPERAND2: u32 = 0;
const OPERAND3: u32 = 0;
const OPERAND4: u32 = 0;
const OPERAND5: u32 = 0;

const OPERANDS = array<u32, 6>(OPERAND0, OPERAND1, OPERAND2, OPERAND3, OPERAND4, OPERAND5);
const REGISTERS: u32 = INPUTS + COUNT;

const SAME: u32 = 0u; // the row of y, whole
const SCALAR: u32 = 1u; // one element
const VECTOR: u32 = 2u; // one row for all rows of y
const ROWS: u32 = 3u; // row (row of y / divisor) % modulus, whole
const SPLAT: u32 = 4u; // one element for each such row
const GATHER: u32 = 5u; // by strides, each element alone

struct Operand {
  divisor: u32,
  modulus: u32,
  step: u32, // from row to row: in elements for SPLAT, else in 16 bytes
  inner: u32, // from column to column, in elements
  strides: array<vec4u, 2>, // along the outer axes, the innermost first
}

struct Params {
  items: u32, // invocations in all
  blocks: u32, // invocations in a row
  columns: u32,
  inner: u32, // columns of y before it was made flat
  step: u32, // from row to row of y, in 16 bytes
  sizes: array<vec4u, 2>, // of the outer axes, the innermost first
  operands: array<Operand, 6>,
  immediates: array<vec4f, 16>, // p, q
}

@group(0) @binding(0) var<storage, read> in0: array<vec4u>;
@group(0) @binding(1) var<storage, read> in1: array<vec4u>;
@group(0) @binding(2) var<storage, read> in2: array<vec4u>;
@group(0) @binding(3) var<storage, read> in3: array<vec4u>;
@group(0) @binding(4) var<storage, read> in4: array<vec4u>;
@group(0) @binding(5) var<storage, read> in5: array<vec4u>;
@group(0) @binding(6) var<storage, read_write> y: array<vec4u>;
@group(0) @binding(7) var<uniform> params: Params;

fn readBlock(i: u32, index: u32) -> vec4u {
  switch i {
    case 1u: { return in1[index]; }
    case 2u: { return in2[index]; }
    case 3u: { return in3[index]; }
    case 4u: { return in4[index]; }
    case 5u: { return in5[index]; }
    default: { return in0[index]; }
  }
}

fn readWord(i: u32, word: u32) -> u32 {
  switch i {
    case 1u: { return in1[word >> 2u][word & 3u]; }
    case 2u: { return in2[word >> 2u][word & 3u]; }
    case 3u: { return in3[word >> 2u][word & 3u]; }
    case 4u: { return in4[word >> 2u][word & 3u]; }
    case 5u: { return in5[word >> 2u][word & 3u]; }
    default: { return in0[word >> 2u][word & 3u]; }
  }
}

fn element(i: u32, index: u32) -> f32 {
  if ((OPERANDS[i] >> 4u) == 0u) {
    return bitcast<f32>(readWord(i, index));
  }
  return f32(extractBits(bitcast<i32>(readWord(i, index >> 2u)), (index & 3u) * 8u, 8u));
}

fn rowStart(i: u32, row: u32) -> u32 {
  var rest = row;
  var start = 0u;
  for (var d = 0u; d < OUTER; d++) { // @unroll
    let size = params.sizes[d >> 2u][d & 3u];
    start += (rest % size) * params.operands[i].strides[d >> 2u][d & 3u];
    rest /= size;
  }
  return start;
}

fn gather(i: u32, row: u32, column: u32) -> f32 {
  if (FLAT == 0u) {
    return element(i, rowStart(i, row) + column * params.operands[i].inner);
  }
  let start = rowStart(i, column / params.inner);
  return element(i, start + (column % params.inner) * params.operands[i].inner);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let item = id.x + id.y * grid.x * 64u;
  if (item >= params.items) {
    return;
  }
  var row = 0u;
  var block = item;
  if (OUTER > 0u && FLAT == 0u) {
    row = item / params.blocks;
    block = item - row * params.blocks;
  }
  var r: array<vec4f, VECS * REGISTERS>;
  for (var i = 0u; i < INPUTS; i++) { // @unroll
    let access = OPERANDS[i] & 15u;
    var source = row;
    if (access == VECTOR) {
      source = 0u;
    } else if (access == ROWS || access == SPLAT) {
      source = (row / params.operands[i].divisor) % params.operands[i].modulus;
    }
    let start = source * params.operands[i].step;
    if (access == SCALAR || access == SPLAT) {
      let value = vec4f(element(i, select(start, 0u, access == SCALAR)));
      for (var v = 0u; v < VECS; v++) { // @unroll
        r[v * REGISTERS + i] = value;
      }
    } else if (access == GATHER) {
      for (var v = 0u; v < GATHERS; v++) { // @unroll
        let column = (block * VECS + v) * 4u;
        r[v * REGISTERS + i] = vec4f(
          gather(i, row, column),
          gather(i, row, column + 1u),
          gather(i, row, column + 2u),
          gather(i, row, column + 3u),
        );
      }
    } else if ((OPERANDS[i] >> 4u) == 1u) {
      let packed = readBlock(i, start + block);
      for (var v = 0u; v < VECS; v++) { // @unroll
        r[v * REGISTERS + i] = vec4f(unpack4xI8(packed[v]));
      }
    } else {
      for (var v = 0u; v < VECS; v++) { // @unroll
        r[v * REGISTERS + i] = bitcast<vec4f>(readBlock(i, start + block * VECS + v));
      }
    }
  }
  for (var v = 0u; v < VECS; v++) { // @unroll
    for (var k = 0u; k < COUNT; k++) { // @unroll
      r[v * REGISTERS + INPUTS + k] = apply(
        STEPS[k] & 255u,
        r[v * REGISTERS + ((STEPS[k] >> 8u) & 255u)],
        r[v * REGISTERS + (STEPS[k] >> 16u)],
        params.immediates[k].x,
        params.immediates[k].y,
      );
    }
  }
  if (OUT_I8 == 1u) {
    var packed: vec4u;
    for (var v = 0u; v < VECS; v++) { // @unroll
      packed[v] = pack4xI8(vec4i(r[(v + 1u) * REGISTERS - 1u]));
    }
    y[row * params.step + block] = packed;
    return;
  }
  for (var v = 0u; v < VECS; v++) { // @unroll
    let column = (block * VECS + v) * 4u;
    if (column < params.columns) {
      let inside = column + vec4u(0u, 1u, 2u, 3u) < vec4u(params.columns);
      let value = select(vec4f(0.0), r[(v + 1u) * REGISTERS - 1u], inside);
      y[row * params.step + block * VECS + v] = bitcast<vec4u>(value);
    }
  }
}
